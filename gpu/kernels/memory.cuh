// Memory rows: all accesses sorted by context, word address and occurrence (spec 05, section 4). A shard holds some of the
// sorted table's rows; its sorted accesses are cut into runs that are neighbours in the whole table. The row before a run's
// first one belongs to another shard, and all that is needed of it, key and clk, stands in the run table.
//
// acc_key = ctx << 32 | word address; acc_kind: A_READ, A_WORD, bits 2-3 the element; acc_word: the word after the access.

// The last run that starts at or before sorted position i.
DEV u32 memory_run(const u32* run_start, u32 runs, u32 i) {
    u32 low = 0, high = runs;
    while (high - low > 1) {
        u32 middle = low + (high - low) / 2;
        if (run_start[middle] <= i) low = middle;
        else high = middle;
    }
    return low;
}

// What a row takes from the one before it.
struct MemoryStep {
    u32 delta; // by context, else by word address, else by clk
    u32 same;  // 1 when context and word are those of the row before
};
DEV MemoryStep memory_step(u64 key, u32 clk, u64 before_key, u32 before_clk) {
    MemoryStep step;
    step.same = key == before_key;
    if (step.same) step.delta = clk - before_clk;
    else if (key >> 32 != before_key >> 32) step.delta = (u32)((key >> 32) - (before_key >> 32));
    else step.delta = (u32)(key - before_key);
    return step;
}

// Step of sorted position i. The first row of the whole table follows a fictitious one of its word, one cycle earlier.
DEV MemoryStep memory_step_at(const u32* order, const u64* acc_key, const u32* acc_clk, const u32* run_start, const u64* run_key, const u32* run_clk, const u8* run_first, u32 runs, u32 i) {
    u32 a = order[i], run = memory_run(run_start, runs, i);
    if (i != run_start[run]) {
        u32 before = order[i - 1];
        return memory_step(acc_key[a], acc_clk[a], acc_key[before], acc_clk[before]);
    }
    if (run_first[run]) return memory_step(acc_key[a], 1, acc_key[a], 0);
    return memory_step(acc_key[a], acc_clk[a], run_key[run], run_clk[run]);
}

// Copy of the keys without the queue's padding, for the sort.
GLOBAL mem_keys(const u64* __restrict__ acc_key, u64* __restrict__ keys, u32 n) {
    u64 i = TID;
    if (i < n) keys[i] = acc_key[i];
}

// What a memory's accesses must be, whatever the program: sorted; every word as the accesses before it left it, zero at first.
// Run once per shard; a replay only repeats what passed here. Error row: the access's clk. Details: 0 index, 1 kind, 2 word
// address, 3 order, 4 a write among accesses of one cycle, 5 value.
GLOBAL mem_check(const u32* __restrict__ order, const u64* __restrict__ acc_key, const u32* __restrict__ acc_clk, const u8* __restrict__ acc_kind, const u64* __restrict__ acc_word, const u32* __restrict__ run_start, const u64* __restrict__ run_key, const u32* __restrict__ run_clk, const u8* __restrict__ run_first, u32 runs, u32 n, u64* err) {
    u64 i = TID, row = 0;
    if (i >= n) return;
    u32 a = order[i];
    if (a >= n || (i > 0 && order[i - 1] >= n)) FAIL(E_ACCESS, 0);
    row = acc_clk[a];
    u64 key = acc_key[a];
    u32 kind = acc_kind[a], element = kind >> 2;
    if (kind > 15u || ((kind & A_WORD) && element != 0)) FAIL(E_ACCESS, 1);
    if (key & 3u) FAIL(E_ACCESS, 2);
    u32 run = memory_run(run_start, runs, (u32)i);
    bool inside = i != run_start[run], start = !inside && run_first[run];
    u32 before = inside ? order[i - 1] : 0;
    u64 before_key = inside ? acc_key[before] : run_key[run];
    u32 before_clk = inside ? acc_clk[before] : run_clk[run];
    bool same = !start && key == before_key;
    if (!start && (key < before_key || (same && row < before_clk))) FAIL(E_ACCESS, 3);
    if (inside && same && row == before_clk && !(kind & acc_kind[before] & A_READ)) FAIL(E_ACCESS, 4);
    if (same && !inside) return; // the word before stands in another shard's recording
    if ((kind & A_WORD) && !(kind & A_READ)) return;
    for (u32 k = 0; k < 4; k++) {
        if (!(kind & A_READ) && k == element) continue;
        u64 left = same ? acc_word[(u64)before * 4 + k] : 0;
        if (acc_word[(u64)a * 4 + k] != left) FAIL(E_ACCESS, 5);
    }
}

// Adds both limbs of every row's delta to the range multiplicities. A thread's rows lie a stride apart, so that neighbouring
// threads read neighbouring accesses; a value that repeats (a high limb is nearly always 0) is counted before it is added.
#define MEM_ROWS 16
struct LimbTally { u32 value, count; };
DEV void tally_limb(u32* hist, LimbTally* t, u32 value) {
    if (value != t->value) {
        if (t->count) atomicAdd(hist + t->value, t->count);
        t->value = value;
        t->count = 0;
    }
    t->count += 1;
}
GLOBAL mem_count(const u32* __restrict__ order, const u64* __restrict__ acc_key, const u32* __restrict__ acc_clk, const u32* __restrict__ run_start, const u64* __restrict__ run_key, const u32* __restrict__ run_clk, const u8* __restrict__ run_first, u32 runs, u32 n, u32* hist, u64* err) {
    u64 threads = ((u64)n + MEM_ROWS - 1) / MEM_ROWS, row = 0;
    if (TID >= threads) return;
    LimbTally low = {0, 0}, high = {0, 0};
    for (u32 k = 0; k < MEM_ROWS; k++) {
        u64 i = TID + k * threads;
        if (i >= n) break;
        if (order[i] >= n || (i > 0 && order[i - 1] >= n)) FAIL(E_ACCESS, 0);
        u32 delta = memory_step_at(order, acc_key, acc_clk, run_start, run_key, run_clk, run_first, runs, (u32)i).delta;
        tally_limb(hist, &low, delta & 0xFFFFu);
        tally_limb(hist, &high, delta >> 16);
    }
    if (low.count) atomicAdd(hist + low.value, low.count);
    if (high.count) atomicAdd(hist + high.value, high.count);
}

// Row i of the tile is sorted position i; every column but the inverse of the delta.
GLOBAL mem_expand(const u32* __restrict__ order, const u64* __restrict__ acc_key, const u32* __restrict__ acc_clk, const u8* __restrict__ acc_kind, const u64* __restrict__ acc_word, const u32* __restrict__ run_start, const u64* __restrict__ run_key, const u32* __restrict__ run_clk, const u8* __restrict__ run_first, u32 runs, u32 n, u64* __restrict__ out, u64 ld, u64* err) {
    u64 i = TID, row = 0;
    if (i >= n) return;
    u32 a = order[i];
    if (a >= n || (i > 0 && order[i - 1] >= n)) FAIL(E_ACCESS, 0);
    MemoryStep step = memory_step_at(order, acc_key, acc_clk, run_start, run_key, run_clk, run_first, runs, (u32)i);
    u64 key = acc_key[a];
    u32 kind = acc_kind[a];
    out[i] = 1;
    out[ld + i] = 1;
    out[2 * ld + i] = 0;
    out[3 * ld + i] = kind & A_READ;
    out[4 * ld + i] = (kind & A_WORD) >> 1;
    out[5 * ld + i] = key >> 32;
    out[6 * ld + i] = key & EPS;
    out[7 * ld + i] = (kind >> 2) & 1u;
    out[8 * ld + i] = (kind >> 3) & 1u;
    out[9 * ld + i] = acc_clk[a];
#pragma unroll
    for (int k = 0; k < 4; k++) out[(10 + k) * ld + i] = acc_word[(u64)a * 4 + k];
    out[14 * ld + i] = step.delta & 0xFFFFu;
    out[15 * ld + i] = step.delta >> 16;
    out[17 * ld + i] = step.same;
    out[18 * ld + i] = 0;
    out[19 * ld + i] = 0;
}

// Column 16 from the limbs in columns 14 and 15: one inverse for 8 rows, by prefix products that leave zeros out.
#define INVERSE_ROWS 8
GLOBAL mem_inverse(u64* cells, u64 ld, u64 rows) {
    u64 threads = (rows + INVERSE_ROWS - 1) / INVERSE_ROWS;
    if (TID >= threads) return;
    u64 delta[INVERSE_ROWS], prefix[INVERSE_ROWS], product = 1;
#pragma unroll
    for (int k = 0; k < INVERSE_ROWS; k++) {
        u64 i = TID + k * threads;
        delta[k] = i < rows ? cells[14 * ld + i] | cells[15 * ld + i] << 16 : 0;
        prefix[k] = product;
        if (delta[k]) product = mul_lazy(product, delta[k]);
    }
    u64 rest = inverse(product);
#pragma unroll
    for (int k = INVERSE_ROWS - 1; k >= 0; k--) {
        u64 i = TID + k * threads;
        if (i < rows) cells[16 * ld + i] = delta[k] ? mul(rest, prefix[k]) : 0;
        if (delta[k]) rest = mul_lazy(rest, delta[k]);
    }
}

// Answers: every row is one access.
GLOBAL mem_bus(const u64* __restrict__ cells, u64 ld, u64 rows, u64* bus) {
    u64 threads = (rows + MEM_ROWS - 1) / MEM_ROWS;
    if (TID >= threads) return;
    BusTally answered = {0, 0};
#pragma unroll 1
    for (u32 step = 0; step < MEM_ROWS; step++) {
        u64 i = TID + step * threads;
        if (i >= rows) break;
        if (cells[i] != 1 || cells[ld + i] != 1 || cells[2 * ld + i] != 0) continue;
        u64 is_read = cells[3 * ld + i], is_word = cells[4 * ld + i], element = cells[7 * ld + i] + 2 * cells[8 * ld + i];
        u64 h = mix(mix(bus_begin(BUS_MEMORY), is_read + 2 * is_word), cells[5 * ld + i]);
        h = mix(mix(h, cells[6 * ld + i] + element), cells[9 * ld + i]);
        if (is_word)
            for (int k = 0; k < 4; k++) h = mix(h, cells[(10 + k) * ld + i]);
        else h = mix(h, cells[(10 + (element & 3)) * ld + i]);
        tally(&answered, h);
    }
    bus_flush(bus, BUS_ANSWERED, BUS_MEMORY, &answered);
}
