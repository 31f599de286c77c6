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
// is the step of the first of context, word, clk that changed (detail 1). Rows that begin a run have their predecessor in
// another shard and are passed over, but the whole program's first row has the fictitious one (detail 2).
GLOBAL proof_memory(const u64* __restrict__ ctx, const u64* __restrict__ word, const u64* __restrict__ clk, const u64* __restrict__ d0, const u64* __restrict__ d1, const u64* __restrict__ same, u64 rows, u64 first_row, const u32* __restrict__ run_start, const u64* __restrict__ run_base, u64 runs, u64* bad) {
    u64 i = TID;
    if (i >= rows) return;
    u64 row = run_row(run_start, run_base, runs, i);
    u64 delta = add(d0[i], mul(d1[i], 65536));
    if (row == 0) {
        if (same[i] != 1 || delta != 1) BAD(first_row, 2);
        return;
    }
    if (i == 0 || run_row(run_start, run_base, runs, i - 1) + 1 != row) return;
    u64 stays = ctx[i] == ctx[i - 1] && word[i] == word[i - 1];
    if (same[i] != stays) BAD(first_row + row, 0);
    u64 step = ctx[i] != ctx[i - 1] ? sub(ctx[i], ctx[i - 1]) : word[i] != word[i - 1] ? sub(word[i], word[i - 1]) : sub(clk[i], clk[i - 1]);
    if (delta != step) BAD(first_row + row, 1);
}

// Per column of a tile: the first row (of the block) that differs, and how many do.
GLOBAL proof_compare(const u64* __restrict__ ours, u64 ld, const u64* __restrict__ theirs, u64 their_ld, u64 rows, u64 columns, u64* first_row, u64* count) {
    u64 i = TID;
    if (i >= rows * columns) return;
    u64 c = i / rows, r = i - c * rows;
    if (ours[c * ld + r] == theirs[c * their_ld + r]) return;
    atomicMin(first_row + c, r);
    atomicAdd(count + c, (u64)1);
}

// picked[c * count + k] = cell (c, rows[k]); a row outside the tile writes nothing
GLOBAL proof_gather(const u64* __restrict__ cells, u64 ld, u64 rows, u64 columns, const u64* __restrict__ which, u64 count, u64* __restrict__ picked) {
    u64 i = TID;
    if (i >= count * columns) return;
    u64 c = i / count, k = i - c * count;
    if (which[k] < rows) picked[i] = cells[c * ld + which[k]];
}
