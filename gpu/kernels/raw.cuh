// Fingerprint of the raw state: a sum over all elements of a hash of (array, position, value), so that no order of threads and
// no grouping matters and every bit does. gpu/fingerprint.py computes the same in NumPy.

template <class T> DEV void fingerprint_part(const T* x, u64 count, u64 salt, u64 stride, u64* sums) {
    u64 first = 0, second = 0;
    #pragma unroll 1
    for (u64 k = TID; k < count; k += stride) {
        u64 h = mix(mix(salt, k), x[k]);
        first += h;
        second += mix(h, k);
    }
    atomicAdd(sums, first);
    atomicAdd(sums + 1, second);
}
GLOBAL fingerprint_u8(const u8* __restrict__ x, u64 count, u64 salt, u64 threads, u64* sums) {
    if (TID < threads) fingerprint_part(x, count, salt, threads, sums);
}
GLOBAL fingerprint_u32(const u32* __restrict__ x, u64 count, u64 salt, u64 threads, u64* sums) {
    if (TID < threads) fingerprint_part(x, count, salt, threads, sums);
}
GLOBAL fingerprint_u64(const u64* __restrict__ x, u64 count, u64 salt, u64 threads, u64* sums) {
    if (TID < threads) fingerprint_part(x, count, salt, threads, sums);
}
