// Integers modulo P = 2^64 - 2^32 + 1. Two identities carry everything: 2^64 = EPS and 2^96 = -1.
// An element is canonical when it is below P. `lazy` results are any representative below 2^64: they may be
// multiplied again, and become canonical before they are stored or compared.

static constexpr u64 P = 0xFFFFFFFF00000001ULL;
static constexpr u64 EPS = 0xFFFFFFFFULL;

DEV u64 canon(u64 a) { return a >= P ? a - P : a; }

// Sum, difference, negation of canonical elements; canonical.
DEV u64 add(u64 a, u64 b) {
    u64 s = a + b;
    if (s < a) return s + EPS; // a + b - 2^64 + EPS = a + b - P, below P
    return canon(s);
}

DEV u64 sub(u64 a, u64 b) { return a - b + (a < b ? P : 0); }

DEV u64 neg(u64 a) { return a == 0 ? 0 : P - a; }

// Sum of any two representatives; lazy. The first correction can itself carry, then the rest is below 2^32.
DEV u64 add_lazy(u64 a, u64 b) {
    u64 s = a + b;
    if (s >= a) return s;
    u64 t = s + EPS;
    return t < EPS ? t + EPS : t;
}

// Product of any two representatives; lazy. With the high half hh*2^32 + hl the product is lo - hh + hl*EPS.
DEV u64 mul_lazy(u64 a, u64 b) {
    u64 lo = a * b;
    u64 hi = __umul64hi(a, b);
    u64 hh = hi >> 32;
    u64 t = lo - hh;
    t -= EPS & (0 - (u64)(lo < hh));
    u64 u = (hi & EPS) * EPS;
    u64 r = t + u;
    return r + (EPS & (0 - (u64)(r < t)));
}

// Product of any two representatives; canonical.
DEV u64 mul(u64 a, u64 b) { return canon(mul_lazy(a, b)); }

// a^(2^n) of any representative; lazy.
DEV u64 square_n(u64 a, u32 n) {
    #pragma unroll 1
    for (u32 i = 0; i < n; i++) a = mul_lazy(a, a);
    return a;
}

// a^e of any representative, with 0^0 = 1; canonical.
DEV u64 power(u64 a, u64 e) {
    u64 r = 1;
    for (; e != 0; e >>= 1) {
        if (e & 1) r = mul_lazy(r, a);
        a = mul_lazy(a, a);
    }
    return canon(r);
}

// a^(P - 2) of any representative, canonical: the inverse, and 0 for 0. P - 2 in binary is 31 ones, a zero and 32 ones. Nine
// rounds, each some squarings and a product, make the runs of 2, 3, 6, 12, 24, 30, 31 ones, then the zero and 31 ones, then
// the last one: 63 squarings and 9 products. A round multiplies by a, by what it began with, or by the run of six; so one body
// of code serves all: written out it is twenty times as long, and a kernel has several.
DEV u64 inverse(u64 a) {
    u64 r = a, six = a;
    #pragma unroll 1
    for (u32 k = 0; k < 9; k++) {
        u64 factor = (0x9Cu >> k) & 1 ? r : k == 5 ? six : a;
        r = mul_lazy(square_n(r, (u32)(0x180118C183041ULL >> (6 * k)) & 63u), factor);
        if (k == 2) six = r;
    }
    return canon(r);
}
