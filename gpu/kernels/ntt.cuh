// Interpolation and low-degree extension of columns (spec 11, sections 1 and 2). One launch per butterfly level, one thread
// per butterfly, no barrier. The inverse transform leaves coefficients in bit-reversed order and the forward one takes them
// so; nothing is ever permuted. The extended domain is split into the cosets shift * root^r * <g_n>, r = 0..blow-up - 1: row
// r + blow-up * j of the extension is point j of coset r, and every coset is one transform of the trace's length.

DEV u64 ntt_reversed(u64 index, u32 bits) {
    u64 reversed = 0;
    for (u32 k = 0; k < bits; k++) {
        reversed = (reversed << 1) | (index & 1);
        index >>= 1;
    }
    return reversed;
}

// powers[i] = base^i
GLOBAL ntt_powers(u64* __restrict__ powers, u64 base, u64 count) {
    u64 i = TID;
    if (i >= count) return;
    powers[i] = power(base, i);
}

// weights[r * n + position] = scale * (shift * root^r)^k, where k is the coefficient that stands at the position
GLOBAL ntt_weights(u64* __restrict__ weights, u32 log_n, u64 cosets, u64 shift, u64 root, u64 scale) {
    u64 i = TID;
    if (i >= cosets << log_n) return;
    u64 r = i >> log_n, position = i - (r << log_n);
    u64 base = mul(shift, power(root, r));
    weights[i] = mul(scale, power(base, ntt_reversed(position, log_n)));
}

// One level of the inverse transform: pairs that are 2^log_half apart. roots[i] = (1 / g_n)^i, i < n / 2.
GLOBAL ntt_inverse_level(u64* values, const u64* __restrict__ roots, u32 log_n, u32 log_half, u64 transforms) {
    u64 i = TID;
    if (i >= transforms << (log_n - 1)) return;
    u64 low = i & (((u64)1 << log_half) - 1);
    u64 at = ((i >> log_half) << (log_half + 1)) + low;
    u64 a = values[at], b = values[at + ((u64)1 << log_half)];
    values[at] = add(a, b);
    values[at + ((u64)1 << log_half)] = mul(sub(a, b), roots[low << (log_n - 1 - log_half)]);
}

// One level of the forward transform. roots[i] = g_n^i, i < n / 2.
GLOBAL ntt_forward_level(u64* values, const u64* __restrict__ roots, u32 log_n, u32 log_half, u64 transforms) {
    u64 i = TID;
    if (i >= transforms << (log_n - 1)) return;
    u64 low = i & (((u64)1 << log_half) - 1);
    u64 at = ((i >> log_half) << (log_half + 1)) + low;
    u64 a = values[at], b = mul(values[at + ((u64)1 << log_half)], roots[low << (log_n - 1 - log_half)]);
    values[at] = add(a, b);
    values[at + ((u64)1 << log_half)] = sub(a, b);
}

// extended[(c * cosets + r) * n + position] = coefficients[c * n + position] * weights[r * n + position]
GLOBAL ntt_extend(const u64* __restrict__ coefficients, const u64* __restrict__ weights, u64* __restrict__ extended, u32 log_n, u64 cosets, u64 columns) {
    u64 i = TID;
    if (i >= (columns * cosets) << log_n) return;
    u64 position = i & (((u64)1 << log_n) - 1), transform = i >> log_n;
    u64 c = transform / cosets, r = transform - c * cosets;
    extended[i] = mul(coefficients[(c << log_n) + position], weights[(r << log_n) + position]);
}
