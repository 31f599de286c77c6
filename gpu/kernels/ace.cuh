// Circuit sections: READ rows, then EVAL rows (spec 05, section 5). Everything is made again from the recorded memory reads of
// the EVALCIRCUIT: a READ row's word holds two variables, an EVAL row's element is an instruction. One thread per section: a
// gate needs the wires before it, which stand in the rows already written.

DEV Pair ace_operate(u32 operation, Pair a, Pair b) { // 0 subtracts, 1 multiplies, 2 adds
    return operation == 0 ? ext_sub(a, b) : operation == 1 ? ext_mul(a, b) : ext_add(a, b);
}

// Where wire t, in order of creation, stands: row of the section, first column of its value, column of its multiplicity.
struct Wire { u64 row; u32 value, uses; };
DEV Wire ace_wire(u64 t, u64 reads) {
    if (t >= 2 * reads) return Wire{t - reads, 11, 19};
    if (t & 1) return Wire{t / 2, 14, 18};
    return Wire{t / 2, 11, 19};
}
DEV Pair ace_value(const u64* out, u64 ld, u64 first, Wire w) {
    return pair(out[w.value * ld + first + w.row], out[(w.value + 1) * ld + first + w.row]);
}
DEV void ace_prefix(u64* out, u64 ld, u64 at, u64 start, u64 block, u64 ctx, u64 ptr, u64 clk) {
    u64 cells[9] = {1, 1, 1, 0, start, block, ctx, ptr, clk};
#pragma unroll
    for (int i = 0; i < 9; i++) out[i * ld + at] = cells[i];
}

// 20 columns of all sections of a shard; section rows count from the shard's first ACE row. A section must begin where the one
// before it ends, so sections cannot write over one another nor leave rows out. Error row: the section's clk.
// Details: 0 size, 1 place among the rows, 2 accesses beyond the queue, 3 address, 4 READ access, 5 EVAL access,
// 6 instruction, 7 result.
GLOBAL ace_expand(const u32* __restrict__ sec_access, const u32* __restrict__ sec_row, const u32* __restrict__ sec_reads, const u32* __restrict__ sec_evals, const u32* __restrict__ sec_ptr, const u32* __restrict__ sec_ctx, const u32* __restrict__ sec_clk, u32 sections, const u64* __restrict__ acc_key, const u32* __restrict__ acc_clk, const u8* __restrict__ acc_kind, const u64* __restrict__ acc_word, u32 accesses, u64* out, u64 ld, u64 rows, u64* err) {
    u64 section = TID;
    if (section >= sections) return;
    u64 access = sec_access[section], first = sec_row[section], reads = sec_reads[section], evals = sec_evals[section];
    u64 ptr = sec_ptr[section], ctx = sec_ctx[section], row = sec_clk[section];
    u64 end = first + reads + evals, wires = 2 * reads + evals;
    if (reads == 0 || wires > 0x3FFFFFFFu) FAIL(E_CIRCUIT, 0);
    if (section == 0 && first != 0) FAIL(E_CIRCUIT, 1);
    if (end != (section + 1 < sections ? (u64)sec_row[section + 1] : rows)) FAIL(E_CIRCUIT, 1);
    if (access + reads + evals > accesses) FAIL(E_CIRCUIT, 2);
    if ((ptr & 3) || ptr + 4 * reads + evals > U32_LIMIT + 1) FAIL(E_CIRCUIT, 3);
    for (u64 r = 0; r < reads; r++, access++) {
        u64 at = first + r, address = ptr + 4 * r;
        if (acc_key[access] != (ctx << 32 | address) || acc_clk[access] != row || acc_kind[access] != (A_READ | A_WORD)) FAIL(E_CIRCUIT, 4);
        ace_prefix(out, ld, at, r == 0, 0, ctx, address, row);
        out[9 * ld + at] = 0;
        out[10 * ld + at] = wires - 1 - 2 * r;
        out[13 * ld + at] = wires - 2 - 2 * r;
        out[11 * ld + at] = acc_word[access * 4];
        out[12 * ld + at] = acc_word[access * 4 + 1];
        out[14 * ld + at] = acc_word[access * 4 + 2];
        out[15 * ld + at] = acc_word[access * 4 + 3];
        out[16 * ld + at] = (evals - 1) & U32_LIMIT; // without gates all ones, as the real VM has it
        out[17 * ld + at] = 0;
        out[18 * ld + at] = 0;
        out[19 * ld + at] = 0;
    }
    for (u64 g = 0; g < evals; g++, access++) {
        u64 at = first + reads + g, address = ptr + 4 * reads + g, element = address & 3;
        if (acc_key[access] != (ctx << 32 | (address - element)) || acc_clk[access] != row || acc_kind[access] != (A_READ | (u32)element << 2)) FAIL(E_CIRCUIT, 5);
        u64 instruction = acc_word[access * 4 + element];
        u64 left = instruction & 0x3FFFFFFFu, right = (instruction >> 30) & 0x3FFFFFFFu;
        u32 operation = (u32)(instruction >> 60);
        u64 oldest = evals - g; // id of the newest wire: larger ids exist, up to wires - 1
        if (operation > 2 || left < oldest || left >= wires || right < oldest || right >= wires) FAIL(E_CIRCUIT, 6);
        Wire a = ace_wire(wires - 1 - left, reads), b = ace_wire(wires - 1 - right, reads);
        Pair x = ace_value(out, ld, first, a), y = ace_value(out, ld, first, b);
        Pair z = ace_operate(operation, x, y);
        out[a.uses * ld + first + a.row] += 1;
        out[b.uses * ld + first + b.row] += 1;
        ace_prefix(out, ld, at, 0, 1, ctx, address, row);
        u64 cells[11] = {operation == 0 ? P - 1 : (u64)operation - 1, evals - 1 - g, z.c0, z.c1, left, x.c0, x.c1, right, y.c0, y.c1, 0};
#pragma unroll
        for (int i = 0; i < 11; i++) out[(9 + i) * ld + at] = cells[i];
    }
    Wire last = ace_wire(wires - 1, reads);
    Pair result = ace_value(out, ld, first, last);
    if (result.c0 || result.c1) FAIL(E_CIRCUIT, 7);
}

// A section's first row answers the EVALCIRCUIT; every row asks the memory for what it was made from.
#define ACE_ROWS 8
GLOBAL ace_bus(const u64* __restrict__ cells, u64 ld, u64 rows, u64* bus) {
    u64 threads = (rows + ACE_ROWS - 1) / ACE_ROWS;
    if (TID >= threads) return;
    BusTally answered = {0, 0}, asked = {0, 0};
#pragma unroll 1
    for (u32 step = 0; step < ACE_ROWS; step++) {
        u64 i = TID + step * threads;
        if (i >= rows) break;
        if (cells[i] != 1 || cells[ld + i] != 1 || cells[2 * ld + i] != 1 || cells[3 * ld + i] != 0) continue;
        u64 ctx = cells[6 * ld + i], ptr = cells[7 * ld + i], clk = cells[8 * ld + i];
        if (cells[4 * ld + i] == 1) {
            u64 evals = (cells[16 * ld + i] + 1) & U32_LIMIT, reads = (cells[10 * ld + i] + 1 - evals) / 2;
            u64 h = mix(mix(mix(bus_begin(BUS_ACE), ctx), ptr), clk);
            tally(&answered, mix(mix(h, reads), evals));
        }
        u64 is_eval = cells[5 * ld + i];
        u64 h = mix(mix(bus_begin(BUS_MEMORY), is_eval ? A_READ : A_READ | A_WORD), ctx);
        h = mix(mix(h, ptr), clk);
        if (is_eval) {
            u64 operation = add(cells[9 * ld + i], 1);
            h = mix(h, add(add(cells[13 * ld + i], mul(1ULL << 30, cells[16 * ld + i])), mul(1ULL << 60, operation)));
        } else {
            h = mix(mix(h, cells[11 * ld + i]), cells[12 * ld + i]);
            h = mix(mix(h, cells[14 * ld + i]), cells[15 * ld + i]);
        }
        tally(&asked, h);
    }
    bus_flush(bus, BUS_ANSWERED, BUS_ACE, &answered);
    bus_flush(bus, BUS_ASKED, BUS_MEMORY, &asked);
}
