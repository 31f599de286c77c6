// Stage B (spec 10, section 5): one thread expands one row of the system or decoder columns from its seed.

GLOBAL sys_expand(
    const u32* __restrict__ seed_sys, u64 seed_ld, const u64* __restrict__ digests, u32 nodes, const u64* __restrict__ res_fn, u32 n_restores,
    const u64* __restrict__ hwords, u32 fragments, u64 first_row, u64* out, u64 ld, u64 count)
{
    u64 r = TID;
    if (r >= count) return;
    u32 fn = seed_sys[seed_ld + r];
    // A replay that stopped early leaves seeds unwritten; their rows stay unwritten too, and are found.
    if ((u64)fn > (u64)nodes + n_restores + fragments) return;
    out[r] = first_row + r;
    out[ld + r] = seed_sys[r];
    #pragma unroll
    for (int k = 0; k < 4; k++) out[(u64)(2 + k) * ld + r] = fn_word(digests, nodes, res_fn, n_restores, hwords, fragments, fn, k);
}

// Columns of the decoder: address, 7 opcode bits, h0..h7, in_span, group count, op index, 3 batch flags, 2 extra bits.
GLOBAL dec_expand(
    const u32* __restrict__ seed_dec, const u64* __restrict__ aux, u64 seed_ld, const u32* __restrict__ ctl, const u32* __restrict__ gc,
    const u64* __restrict__ h, u64 rows, u64* out, u64 ld, u64 count)
{
    u64 r = TID;
    if (r >= count) return;
    u32 pc = seed_dec[r];
    if (pc >= rows) return;
    u32 c = ctl[pc], op = C_OPCODE(c), helper = C_HELPER(c);
    u64 a = aux[r];
    out[r] = seed_dec[seed_ld + r];
    #pragma unroll
    for (int k = 0; k < 7; k++) out[(u64)(1 + k) * ld + r] = (op >> k) & 1;
    if (helper != HELPER_ALL) {
        out[8 * ld + r] = h[pc];
        out[9 * ld + r] = C_IN_SPAN(c) ? seed_dec[2 * seed_ld + r] : h[rows + pc];
        if (helper != HELPER_OWN) {
            #pragma unroll
            for (int k = 2; k < 8; k++) {
                u64 cell = h[(u64)k * rows + pc];
                if (k == 2 && helper == HELPER_VALUE) cell = a;
                if (k < 6 && (helper == HELPER_LIMBS || helper == HELPER_LIMBS_INVERSE)) cell = (a >> (16 * (k - 2))) & 0xFFFFu;
                if (k >= 4 && helper == HELPER_END) cell = (a >> (k == 4 ? 0 : k - 3)) & 1;
                out[(u64)(8 + k) * ld + r] = cell;
            }
        }
    }
    out[16 * ld + r] = C_IN_SPAN(c);
    out[17 * ld + r] = gc[pc];
    out[18 * ld + r] = C_OP_INDEX(c);
    #pragma unroll
    for (int k = 0; k < 3; k++) out[(u64)(19 + k) * ld + r] = (C_FLAGS(c) >> k) & 1;
    out[22 * ld + r] = (op >> 6) & (1 ^ (op >> 5)) & (op >> 4) & 1;
    out[23 * ld + r] = (op >> 6) & (op >> 5) & 1;
}

// The helper cells that are inverses, 8 rows a thread with one inversion (products of all before, then back).
GLOBAL helper_inverse(
    const u32* __restrict__ seed_dec, const u64* __restrict__ aux, const u32* __restrict__ ctl, u64 rows, u64* out, u64 ld, u64 count)
{
    u64 first = TID * 8;
    if (first >= count) return;
    u64 value[8], before[8], product = 1;
    u32 helpers = 0;
    #pragma unroll
    for (int k = 0; k < 8; k++) {
        u64 r = first + k, x = 0;
        if (r < count && seed_dec[r] < rows) {
            u32 helper = C_HELPER(ctl[seed_dec[r]]);
            if (helper == HELPER_INVERSE) { x = aux[r]; helpers |= 1u << k; }
            if (helper == HELPER_LIMBS_INVERSE) { x = U32_LIMIT - (aux[r] >> 32); helpers |= 256u << k; }
        }
        value[k] = x; before[k] = product;
        if (x) product = mul(product, x);
    }
    if (!helpers) return;
    u64 rest = inverse(product);
    #pragma unroll
    for (int k = 7; k >= 0; k--) {
        u64 cell = value[k] ? mul(rest, before[k]) : 0;
        if (value[k]) rest = mul(rest, value[k]);
        if ((helpers >> k) & 1) out[10 * ld + first + k] = cell;
        if ((helpers >> (8 + k)) & 1) out[14 * ld + first + k] = cell;
    }
}

// The stack after the program's last row, as the first padding row shows it.
GLOBAL stk_end(const u32* __restrict__ hdr, const u64* __restrict__ hwords, u32 fragments, u64* out, u64 ld, u64 at) {
    u64 k = TID;
    if (k >= 19) return;
    u32 depth = hdr[(u64)H_DEPTH * (fragments + 1) + fragments];
    u64 cell = k < 16 ? hwords[k * (fragments + 1) + fragments]
        : k == 16 ? depth : k == 17 ? hdr[(u64)H_OVERFLOW * (fragments + 1) + fragments] : inverse((u64)depth - 16);
    out[k * ld + at] = cell;
}
