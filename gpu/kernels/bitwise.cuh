// Bitwise rows: eight per U32AND or U32XOR, one limb of four bits more on each; closed form, no row needs another (spec 05,
// section 3).

GLOBAL bit_expand(const u32* __restrict__ bit_a, const u32* __restrict__ bit_b, const u8* __restrict__ bit_op, u64* __restrict__ out, u64 ld, u64 rows, u64* err) {
    u64 row = TID;
    if (row >= rows) return;
    u64 q = row >> 3;
    u32 k = (u32)row & 7u, shift = 28 - 4 * k;
    u32 op = bit_op[q];
    if (op > 1) FAIL(E_VALUE, 0);
    u32 a = bit_a[q] >> shift, b = bit_b[q] >> shift, z = op ? a ^ b : a & b;
    out[row] = 1;
    out[ld + row] = 0;
    out[2 * ld + row] = op;
    out[3 * ld + row] = a;
    out[4 * ld + row] = b;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        out[(5 + i) * ld + row] = (a >> i) & 1u;
        out[(9 + i) * ld + row] = (b >> i) & 1u;
    }
    out[13 * ld + row] = z >> 4; // z of the row before: prefixes nest, and row 0 has nothing above its limb
    out[14 * ld + row] = z;
#pragma unroll
    for (int i = 15; i < 20; i++) out[i * ld + row] = 0;
}

// Answers: the last row of a cycle holds whole operands and the whole result.
#define BIT_CYCLES 8
GLOBAL bit_bus(const u64* __restrict__ cells, u64 ld, u64 rows, u64* bus) {
    u64 threads = (rows / 8 + BIT_CYCLES - 1) / BIT_CYCLES;
    if (TID >= threads) return;
    BusTally answered = {0, 0};
#pragma unroll 1
    for (u32 step = 0; step < BIT_CYCLES; step++) {
        u64 row = (TID + step * threads) * 8 + 7;
        if (row >= rows) break;
        if (cells[row] != 1 || cells[ld + row] != 0) continue;
        u64 h = mix(bus_begin(BUS_BITWISE), cells[2 * ld + row]);
        h = mix(mix(h, cells[3 * ld + row]), cells[4 * ld + row]);
        tally(&answered, mix(h, cells[14 * ld + row]));
    }
    bus_flush(bus, BUS_ANSWERED, BUS_BITWISE, &answered);
}
