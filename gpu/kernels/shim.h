// The words of CUDA that the kernels use, for a host compiler. Threads run one after the other, in a chosen order.
// Warp operations, barriers and shared memory cannot be emulated so; they, text output, floats, 128-bit integers and
// assembler are poisoned below, so that a kernel that uses one does not build. Atomics give no value back here: what a
// kernel would read from one depends on the order of threads.

#define GLOBAL static void // unused kernels of a unit are dropped; each exported one gets a launcher
#define __device__
#define __constant__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct ShimIndex {
    unsigned int x;
};
// Every lane is a thread of the process, inside a launch of its own.
static thread_local ShimIndex threadIdx, blockIdx, blockDim, gridDim;

static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}

template <class T> static inline T __ldg(const T* p) { return *p; }

// Real atomics: several lanes may share a buffer.
template <class T> static inline void atomicAdd(T* p, T v) { (void)__atomic_fetch_add(p, v, __ATOMIC_RELAXED); }
template <class T> static inline void atomicOr(T* p, T v) { (void)__atomic_fetch_or(p, v, __ATOMIC_RELAXED); }
template <class T> static inline void atomicMin(T* p, T v) {
    T old = __atomic_load_n(p, __ATOMIC_RELAXED);
    while (v < old && !__atomic_compare_exchange_n(p, &old, v, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}
template <class T> static inline void atomicMax(T* p, T v) {
    T old = __atomic_load_n(p, __ATOMIC_RELAXED);
    while (v > old && !__atomic_compare_exchange_n(p, &old, v, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

// The k-th of n places: forward, backward, or the even ones before the odd ones.
static inline unsigned int shim_place(unsigned int k, unsigned int n, unsigned int order) {
    unsigned int half = n / 2 + n % 2;
    if (order == 0) return k;
    if (order == 1) return n - 1 - k;
    return k < half ? 2 * k : 2 * (k - half) + 1;
}

// Calls the kernel once per thread. Order 0 forward, 1 backward, 2 strided: the threads of all blocks interleaved.
// One call site, so that the kernel is inlined once.
template <class F> static inline void shim_launch(unsigned int grid, unsigned int block, unsigned int order, F kernel) {
    gridDim.x = grid;
    blockDim.x = block;
    unsigned int outer = order == 2 ? block : grid, inner = order == 2 ? grid : block;
    for (unsigned int i = 0; i < outer; i++) {
        unsigned int fixed = shim_place(i, outer, order);
        for (unsigned int k = 0; k < inner; k++) {
            unsigned int moving = shim_place(k, inner, order);
            blockIdx.x = order == 2 ? moving : fixed;
            threadIdx.x = order == 2 ? fixed : moving;
            kernel();
        }
    }
}

#pragma GCC poison __shared__ __syncthreads __syncwarp __threadfence __shfl_sync __shfl_up_sync __shfl_down_sync
#pragma GCC poison __shfl_xor_sync __ballot_sync __any_sync __all_sync __match_any_sync __activemask atomicCAS atomicExch
#pragma GCC poison printf assert __trap asm __asm__ float double __int128 goto malloc free
