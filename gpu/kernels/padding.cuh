// Everything between the tables and row L - 1, and row L - 1 itself (spec 04, sections 6 and 7): constants, the state after the
// last operation, and 72 draws of a coin seeded with the program hash.

// The 72 cells of a padding row; column 0 is the row number and filled in per row. h: decoder registers of the static rows
// [8][pcs], whose row 0 is HALT and holds the program hash. The state after the last row is header `fragments`; a program ends
// with an empty overflow table. Error row: core_rows.
GLOBAL pad_values(const u64* __restrict__ h, u32 pcs, const u32* __restrict__ hdr, const u64* __restrict__ hwords, u32 fragments, u64 core_rows, u64* __restrict__ values, u64* err) {
    u64 c = TID, row = core_rows, headers = (u64)fragments + 1;
    if (c >= COL_PAD_0 + 1) return;
    if (hdr[H_DEPTH * headers + fragments] != 16) FAIL(E_DEPTH, 0);
    if (hdr[H_OVERFLOW * headers + fragments] != 0) FAIL(E_DEPTH, 1);
    u64 value = 0;
    if (c >= COL_DEC_OP_BIT_0 && c <= COL_DEC_OP_BIT_6) value = (OP_HALT >> (c - COL_DEC_OP_BIT_0)) & 1u;
    else if (c >= COL_DEC_H0 && c <= COL_DEC_H3) value = h[(c - COL_DEC_H0) * pcs];
    else if (c == COL_DEC_BIT_EXTRA_0) value = (OP_HALT >> 6) & ~(OP_HALT >> 5) & (OP_HALT >> 4) & 1u;
    else if (c == COL_DEC_BIT_EXTRA_1) value = (OP_HALT >> 6) & (OP_HALT >> 5) & 1u;
    else if (c >= COL_STACK_0 && c <= COL_STACK_15) value = hwords[(W_STACK + c - COL_STACK_0) * headers + fragments];
    else if (c == COL_STACK_B0) value = 16;
    else if (c >= COL_CHIP_0 && c <= COL_CHIP_4) value = 1;
    values[c] = value;
}

// Rows first_row .. of columns first_column ..; values from pad_values.
GLOBAL pad_fill(const u64* __restrict__ values, u32 first_column, u32 columns, u64 first_row, u64* __restrict__ out, u64 ld, u64 rows) {
    u64 r = TID;
    if (r >= rows) return;
    for (u32 c = 0; c < columns; c++) out[(u64)c * ld + r] = first_column + c == COL_CLK ? first_row + r : values[first_column + c];
}

// 72 draws of the coin seeded with seed[0], seed[stride], ...; into out[0], out[ld], ... Every permutation supplies the 8 elements
// of its rate. Nine permutations one after the other: the longest latency of all kernels, so a session draws them once.
GLOBAL last_row(const u64* __restrict__ seed, u64 stride, u64* __restrict__ out, u64 ld) {
    if (TID != 0) return;
    u64 s[12] = {0, 0, 0, 0, seed[0], seed[stride], seed[2 * stride], seed[3 * stride], 0, 0, 0, 0};
#pragma unroll 1
    for (u32 c = 0; c < COL_PAD_0 + 1; c += 8) {
        permute(s);
#pragma unroll
        for (u32 k = 0; k < 8; k++) out[(c + k) * ld] = s[4 + k];
    }
}

// The draws, which the plan keeps, into the tile of the last row.
GLOBAL pad_last(const u64* __restrict__ draws, u64* __restrict__ out, u64 ld) {
    u64 c = TID;
    if (c < COL_PAD_0 + 1) out[c * ld] = draws[c];
}
