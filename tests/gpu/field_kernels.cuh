// Kernels of the tests: one field function per kernel, one element per thread.

GLOBAL field_binary(const u64* __restrict__ a, const u64* __restrict__ b, u64* __restrict__ out, u64 n) {
    // out is [7][n]: sum, difference, product of canonical elements, and of representatives.
    u64 i = TID;
    if (i >= n) return;
    out[i] = add(a[i], b[i]);
    out[n + i] = sub(a[i], b[i]);
    out[2 * n + i] = mul(a[i], b[i]);
    out[3 * n + i] = mul_lazy(a[i], b[i]);
    out[4 * n + i] = power(a[i], b[i]);
}

GLOBAL field_lazy(const u64* __restrict__ a, const u64* __restrict__ b, u64* __restrict__ out, u64 n) {
    // out is [3][n]: the arguments are any 64-bit values.
    u64 i = TID;
    if (i >= n) return;
    out[i] = add_lazy(a[i], b[i]);
    out[n + i] = mul_lazy(a[i], b[i]);
    out[2 * n + i] = mul(a[i], b[i]);
}

GLOBAL __launch_bounds__(64) field_unary(const u64* __restrict__ a, u64* __restrict__ out, u64 n) {
    // out is [5][n]: canonical form, negation of it, inverse, fifth square.
    u64 i = TID;
    if (i >= n) return;
    out[i] = canon(a[i]);
    out[n + i] = neg(canon(a[i]));
    out[2 * n + i] = inverse(a[i]);
    out[3 * n + i] = square_n(a[i], 5);
}
