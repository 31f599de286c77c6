// Kernels of the tests: what a launch passes on, in which order threads run, what atomics do.

GLOBAL every_type(const u8* __restrict__ a, const u32* b, u64* __restrict__ out, u8 c, u32 d, u64 e, u64 n) {
    u64 i = TID;
    if (i >= n) return;
    out[i] = a[0] + (u64)b[0] + c + d + e + i;
}

GLOBAL is_null(const u64* p, u64* out) {
    if (TID == 0) out[0] = p == 0;
}

// The threads race: the last one to run is seen.
GLOBAL last_writer(u64* out, u32 n) {
    if (TID < n) out[0] = TID;
}

GLOBAL count_visits(u64* out, u64 n) {
    u64 i = TID;
    if (i < n) out[i] += 1;
}

GLOBAL __launch_bounds__(32) block_size(u64* out) {
    if (TID == 0) out[0] = blockDim.x;
}

GLOBAL atomics(u64* sums, u32* counts, u64* extremes, u64 n, u32 lane) {
    u64 i = TID;
    if (i >= n) return;
    atomicAdd(sums, i);
    atomicAdd(counts, 1u);
    atomicMin(extremes, i);
    atomicMax(extremes + 1, i + lane);
    atomicOr(extremes + 2, (u64)1 << lane);
}
