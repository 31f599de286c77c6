// Kernels of the tests: the functions of field.cuh, one element per thread; i out of [k][n] is k * n + i.

// out is [4][n]: sum, difference, product, power of canonical elements.
GLOBAL field_binary(const u64* __restrict__ a, const u64* __restrict__ b, u64* __restrict__ out, u64 n) {
    u64 i = TID;
    if (i >= n) return;
    out[i] = add(a[i], b[i]);
    out[n + i] = sub(a[i], b[i]);
    out[2 * n + i] = mul(a[i], b[i]);
    out[3 * n + i] = power(a[i], b[i]);
}

// out is [3][n]: lazy sum, lazy product, canonical product of any values.
GLOBAL field_lazy(const u64* __restrict__ a, const u64* __restrict__ b, u64* __restrict__ out, u64 n) {
    u64 i = TID;
    if (i >= n) return;
    out[i] = add_lazy(a[i], b[i]);
    out[n + i] = mul_lazy(a[i], b[i]);
    out[2 * n + i] = mul(a[i], b[i]);
}

// out is [4][n]: canonical form of any value, its negation, the value's inverse, its power 2^squarings.
GLOBAL __launch_bounds__(64) field_unary(const u64* __restrict__ a, u64* __restrict__ out, u64 n, u32 squarings) {
    u64 i = TID;
    if (i >= n) return;
    out[i] = canon(a[i]);
    out[n + i] = neg(canon(a[i]));
    out[2 * n + i] = inverse(a[i]);
    out[3 * n + i] = square_n(a[i], squarings);
}
