// What is done with one chip's columns while they live: sums, checks of neighbouring rows, comparison with another engine's
// cells, selected rows. A check reports its first bad row through one word, initially all ones: (row << 8) | detail, the
// smallest; rows are rows of the trace.

#define BAD(row, detail) atomicMin(bad, (u64)(((row) << 8) | (u64)(detail)))

// partial[column * chunks + chunk] = sum of a chunk of a column
GLOBAL proof_partial_sums(const u64* __restrict__ cells, u64 ld, u64 rows, u64 columns, u64 chunk, u64 chunks, u64* __restrict__ partial) {
    u64 i = TID;
    if (i >= columns * chunks) return;
    u64 c = i / chunks, first = (i - c * chunks) * chunk;
    u64 end = first + chunk < rows ? first + chunk : rows;
    u64 sum = 0;
    for (u64 r = first; r < end; r++) sum = add(sum, cells[c * ld + r]);
    partial[i] = sum;
}

GLOBAL proof_total_sums(const u64* __restrict__ partial, u64 columns, u64 chunks, u64* __restrict__ sums) {
    u64 c = TID;
    if (c >= columns) return;
    u64 sum = 0;
    for (u64 k = 0; k < chunks; k++) sum = add(sum, partial[c * chunks + k]);
    sums[c] = sum;
}

// clk' = clk + 1 between neighbours (detail 0), and the tile's first clk is its row (detail 1)
GLOBAL proof_clock(const u64* __restrict__ clk, u64 rows, u64 first_row, u64* bad) {
    u64 r = TID;
    if (r >= rows) return;
    if (r == 0) {
        if (clk[0] != first_row) BAD(first_row, 1);
    } else if (clk[r] != add(clk[r - 1], 1)) {
        BAD(first_row + r, 0);
    }
}

// x^2 = x for every cell; detail: column of the tile
GLOBAL proof_binary(const u64* __restrict__ cells, u64 ld, u64 rows, u64 columns, u64 first_row, u64* bad) {
    u64 i = TID;
    if (i >= rows * columns) return;
    u64 c = i / rows, r = i - c * rows;
    if (cells[c * ld + r] > 1) BAD(first_row + r, c);
}

// The range table begins with 0 (detail 1), steps by 0 or by 3^k, k < 8 (detail 0), and ends with 65535 (detail 2).
GLOBAL proof_range(const u64* __restrict__ values, u64 rows, u64 first_row, u64* bad) {
    u64 r = TID;
    if (r >= rows) return;
    if (r == rows - 1 && values[r] != 65535) BAD(first_row + r, 2);
    if (r == 0) {
        if (values[0] != 0) BAD(first_row, 1);
        return;
    }
    u64 step = sub(values[r], values[r - 1]), stride = 1;
    for (u32 k = 0; k < 8 && stride < step; k++) stride *= 3;
    if (step != 0 && (step != stride || stride > 2187)) BAD(first_row + r, 0);
}

// Memory rows in sorted order: f_scw says whether context and word are those of the row before (detail 0), and d1 * 2^16 + d0
// is the step of the first of context, word, clk that changed (detail 1). The row before a run's first one belongs to another
// shard: the plan has its key and clk. The section's first row has a fictitious one with the same key and clk - 1.
GLOBAL proof_memory(const u64* __restrict__ ctx, const u64* __restrict__ word, const u64* __restrict__ clk, const u64* __restrict__ d0, const u64* __restrict__ d1, const u64* __restrict__ same, u64 rows, u64 first_row, const u32* __restrict__ run_start, const u64* __restrict__ run_base, const u64* __restrict__ run_key, const u32* __restrict__ run_clk, const u8* __restrict__ run_first, u32 runs, u64* bad) {
    u64 i = TID;
    if (i >= rows) return;
    u32 run = memory_run(run_start, runs, (u32)i);
    u64 row = first_row + run_base[run] + (i - run_start[run]);
    u64 old_ctx, old_word, old_clk;
    if (i != run_start[run]) {
        old_ctx = ctx[i - 1];
        old_word = word[i - 1];
        old_clk = clk[i - 1];
    } else if (run_first[run]) {
        old_ctx = ctx[i];
        old_word = word[i];
        old_clk = sub(clk[i], 1);
    } else {
        old_ctx = run_key[run] >> 32;
        old_word = run_key[run] & EPS;
        old_clk = run_clk[run];
    }
    u64 stays = ctx[i] == old_ctx && word[i] == old_word;
    if (same[i] != stays) BAD(row, 0);
    u64 step = ctx[i] != old_ctx ? sub(ctx[i], old_ctx) : word[i] != old_word ? sub(word[i], old_word) : sub(clk[i], old_clk);
    if (add(d0[i], mul(d1[i], 65536)) != step) BAD(row, 1);
}

// A block of a tile's rows, beginning with the tile's row `base`, against another engine's cells, [columns][rows]. Per column:
// the tile's first row that differs (initially all ones), and how many do.
GLOBAL proof_compare(const u64* __restrict__ ours, u64 ld, const u64* __restrict__ theirs, u64 base, u64 rows, u64 columns, u64* first_row, u64* count) {
    u64 i = TID;
    if (i >= rows * columns) return;
    u64 c = i / rows, r = i - c * rows;
    if (ours[c * ld + base + r] == theirs[i]) return;
    atomicMin(first_row + c, base + r);
    atomicAdd(count + c, (u64)1);
}

// picked[c * count + k] = cell (c, rows[k]); a row outside the tile writes nothing
GLOBAL proof_gather(const u64* __restrict__ cells, u64 ld, u64 rows, u64 columns, const u64* __restrict__ which, u64 count, u64* __restrict__ picked) {
    u64 i = TID;
    if (i >= count * columns) return;
    u64 c = i / count, k = i - c * count;
    if (which[k] < rows) picked[i] = cells[c * ld + which[k]];
}
