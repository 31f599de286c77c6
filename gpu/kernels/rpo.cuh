// RPO-256 on a state of 12 elements: 0-3 capacity, 4-11 rate, digest 4-7 (spec 04, section 7.1). Between the steps elements are
// any representatives below 2^64; no Montgomery form, which would save 2 to 3 percent (spec 10, section 8).

// s = MDS * s + c. The matrix is circulant with entries up to 26, so a row is two sums of small products, of the low and of
// the high halves: below 2^42 each, reduced once.
DEV void rpo_mix(u64* s, const u64* c) {
    u64 out[12];
#pragma unroll
    for (int i = 0; i < 12; i++) {
        u64 low = c[i] & EPS, high = c[i] >> 32;
#pragma unroll
        for (int j = 0; j < 12; j++) {
            u32 factor = (u32)MDS[(12 + j - i) % 12];
            low += (u64)factor * (u32)s[j];
            high += (u64)factor * (u32)(s[j] >> 32);
        }
        u64 sum = low + (high << 32);
        u64 above = (high >> 32) + (sum < low ? 1 : 0); // times 2^64 = EPS
        u64 folded = above * EPS;
        u64 total = sum + folded;
        out[i] = total < folded ? total + EPS : total;
    }
#pragma unroll
    for (int i = 0; i < 12; i++) s[i] = out[i];
}

// Every element to the power 10540996611094048183, the inverse of 7: 63 squarings and 9 products. The state turns by four
// elements per pass, so that one body with static indices serves three groups: a third of the code of twelve at once, and the
// state stays in registers. The loops over squarings stay loops: unrolled they would be most of the module.
DEV void rpo_seventh_roots(u64* s) {
#pragma unroll 1
    for (int group = 0; group < 3; group++) {
        u64 x7[4], t[4], a[4], b[4];
#define EACH _Pragma("unroll") for (int i = 0; i < 4; i++)
#define SQUARES(n) _Pragma("unroll 1") for (int k = 0; k < (n); k++) EACH t[i] = mul_lazy(t[i], t[i])
        // Exponents in binary: a is 100, then 100100, then 100100100100, ...
        EACH {
            u64 x2 = mul_lazy(s[i], s[i]);
            a[i] = t[i] = mul_lazy(x2, x2);
            x7[i] = mul_lazy(mul_lazy(x2, a[i]), s[i]);
        }
        SQUARES(3);
        EACH a[i] = t[i] = mul_lazy(t[i], a[i]);
        SQUARES(6);
        EACH b[i] = t[i] = mul_lazy(t[i], a[i]);
        SQUARES(12);
        EACH t[i] = mul_lazy(t[i], b[i]);
        SQUARES(6);
        EACH b[i] = t[i] = mul_lazy(t[i], a[i]);
        SQUARES(31);
        EACH t[i] = mul_lazy(t[i], b[i]);
        EACH {
            u64 y = mul_lazy(mul_lazy(t[i], t[i]), b[i]);
            y = mul_lazy(y, y);
            y = mul_lazy(y, y);
            a[i] = mul_lazy(y, x7[i]);
        }
#pragma unroll
        for (int i = 0; i < 8; i++) s[i] = s[i + 4];
        EACH s[8 + i] = a[i];
#undef SQUARES
#undef EACH
    }
}

// Round r = 0..6. Any representatives in and out.
DEV void rpo_round(u64* s, int r) {
    rpo_mix(s, ARK + r * 24);
#pragma unroll
    for (int i = 0; i < 12; i++) {
        u64 x2 = mul_lazy(s[i], s[i]);
        s[i] = mul_lazy(mul_lazy(x2, x2), mul_lazy(x2, s[i]));
    }
    rpo_mix(s, ARK + r * 24 + 12);
    rpo_seventh_roots(s);
}

// All seven rounds; canonical out.
DEV void permute(u64* s) {
#pragma unroll 1
    for (int r = 0; r < 7; r++) rpo_round(s, r);
#pragma unroll
    for (int i = 0; i < 12; i++) s[i] = canon(s[i]);
}
