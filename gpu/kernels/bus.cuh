// Messages between the parts of a trace: who asks (side 0) and who answers (side 1), as a count and an order-free fingerprint
// per label. gpu/sides.py names the labels in the same order. Message contents: spec 12, section 7.7, without its labels' values.
enum BusLabel {
    BUS_HASH_IN,        // address of the first row, 12 state elements
    BUS_ABSORB,         // address of the new batch's first row, its 8 groups
    BUS_HASH_OUT,       // address of the last row, 4 digest elements
    BUS_STATE_OUT,      // address of the last row, 12 state elements
    BUS_MERKLE_IN,      // request 1 verify, 2 old, 3 new; address of the first row, node index, 4 node elements
    BUS_BITWISE,        // 1 for XOR, a = item 1, b = item 0, result
    BUS_MEMORY,         // kind bits 0 and 1, ctx, address, clk, value or 4 values
    BUS_KERNEL,         // 4 digest elements
    BUS_ACE,            // ctx, ptr, clk, READ rows, EVAL rows
    BUS_OVERFLOW,       // clk of the push, value
    BUS_BLOCK,          // block, parent and grandparent addresses, flags
    BUS_CALL,           // block address, ctx, 4 elements of the function hash, depth, overflow address
    BUS_LABELS
};
enum BusSide { BUS_ASKED = 0, BUS_ANSWERED = 1 };

// One element into the running hash: exclusive or, then a bijection that spreads every bit (the finalizer of SplitMix64).
DEV u64 mix(u64 h, u64 v) {
    h ^= v;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9ULL;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBULL;
    return (h ^ (h >> 31)) + 0x9E3779B97F4A7C15ULL;
}
DEV u64 bus_begin(u32 label) { return mix(0x243F6A8885A308D3ULL, label); }

// bus: [side][label][count, wrapping sum of the messages' hashes]. Sums do not depend on the order of the threads.
DEV void bus_add_many(u64* bus, u32 side, u32 label, u64 count, u64 sum) {
    if (count == 0) return;
    u64* cell = bus + ((u64)side * BUS_LABELS + label) * 2;
    atomicAdd(cell, count);
    atomicAdd(cell + 1, sum);
}
DEV void bus_add(u64* bus, u32 side, u32 label, u64 h) { bus_add_many(bus, side, label, 1, h); }

// Messages of one label that a thread gathers before it adds them: every thread of a kernel adds to the same few words.
struct BusTally { u64 count, sum; };
DEV void tally(BusTally* t, u64 h) { t->count += 1; t->sum += h; }
DEV void bus_flush(u64* bus, u32 side, u32 label, const BusTally* t) { bus_add_many(bus, side, label, t->count, t->sum); }

// How a kernel of a chiplet reports: `row` is a variable of the kernel, and what it counts stands at the kernel.
#define FAIL(code, detail) do { atomicMin(err, ((u64)(row) << 16) | ((u64)(code) << 8) | (u64)(detail)); return; } while (0)
