// Words of the portable subset. No header is included anywhere: the run-time compiler finds none by default.
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define DEV static __device__ __forceinline__
#ifndef GLOBAL // the host shim gives an exported kernel another linkage
#define GLOBAL extern "C" __global__ void
#endif
#define TID ((u64)blockIdx.x * blockDim.x + threadIdx.x)
