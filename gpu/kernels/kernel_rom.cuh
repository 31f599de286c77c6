// Kernel ROM rows: per procedure, in kernel order, one row that marks it and one more per SYSCALL to it (spec 05, section 6).

// procs (procedures, 4); kcount: SYSCALLs to each in the whole program. A kernel has at most 255 procedures, so each row walks
// them. Error row: the row of the section; the counts and the rows must say the same.
GLOBAL krm_expand(const u64* __restrict__ procs, const u32* __restrict__ kcount, u32 procedures, u64* __restrict__ out, u64 ld, u64 rows, u64* err) {
    u64 row = TID;
    if (row >= rows) return;
    u64 end = 0, first = 0;
    u32 found = procedures;
    for (u32 i = 0; i < procedures; i++) {
        u64 next = end + 1 + kcount[i];
        if (row >= end && row < next) {
            found = i;
            first = end;
        }
        end = next;
    }
    if (end != rows || found == procedures) FAIL(E_KERNEL_INDEX, 0);
#pragma unroll
    for (int i = 0; i < 4; i++) out[i * ld + row] = 1;
    out[4 * ld + row] = 0;
    out[5 * ld + row] = row == first;
#pragma unroll
    for (int i = 0; i < 4; i++) out[(6 + i) * ld + row] = procs[(u64)found * 4 + i];
#pragma unroll
    for (int i = 10; i < 20; i++) out[i * ld + row] = 0;
}

// Answers: every row but the one that marks its procedure, which answers the kernel that the program was given.
GLOBAL krm_bus(const u64* __restrict__ cells, u64 ld, u64 rows, u64* bus) {
    u64 row = TID;
    if (row >= rows) return;
    for (int i = 0; i < 4; i++)
        if (cells[i * ld + row] != 1) return;
    if (cells[4 * ld + row] != 0 || cells[5 * ld + row] != 0) return;
    u64 h = bus_begin(BUS_KERNEL);
    for (int i = 0; i < 4; i++) h = mix(h, cells[(6 + i) * ld + row]);
    bus_add(bus, BUS_ANSWERED, BUS_KERNEL, h);
}
