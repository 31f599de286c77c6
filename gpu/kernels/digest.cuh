// Digest of columns: sum of cell (row r, column c) times rho^(c * L + r), for two rho (spec 09, B8). Exact sums in the field:
// no order of threads, tiles, chips or shards shows in them, and the digests of disjoint tiles add up to that of the trace.
// Along a column the weights are a geometric series, so Horner's rule takes one product per cell; only where a thread's part
// begins is a power computed. That needs no table of powers, which would be more scratch than most chips have.

// A field element into sums[rho][column][low half, high half]: halves do not wrap below 2^32 summands, so integer atomics
// add field elements exactly.
DEV void digest_add(u64* sums, u64 width, u32 rho, u64 column, u64 value) {
    u64* cell = sums + (rho * width + column) * 2;
    atomicAdd(cell, value & EPS);
    atomicAdd(cell + 1, value >> 32);
}

// A tile whose rows are neighbours. A thread takes every strands-th row of a column, so that neighbouring threads read
// neighbouring cells. step_0, step_1: the rho to the power `strands`.
GLOBAL digest_rows(const u64* __restrict__ cells, u64 ld, u64 rows, u32 columns, u32 first_column, u64 first_row, u64 length, u32 strands, u64 rho_0, u64 rho_1, u64 step_0, u64 step_1, u64* sums, u32 width) {
    u64 column = TID / strands, strand = TID % strands;
    if (column >= columns || strand >= rows) return;
    u64 sum_0 = 0, sum_1 = 0;
    const u64* from = cells + column * ld + strand;
    for (u64 k = (rows - 1 - strand) / strands + 1; k > 0; k--) {
        u64 cell = from[(k - 1) * strands];
        sum_0 = add(mul(sum_0, step_0), cell);
        sum_1 = add(mul(sum_1, step_1), cell);
    }
    u64 exponent = (first_column + column) * length + first_row + strand;
    digest_add(sums, width, 0, first_column + column, mul(sum_0, power(rho_0, exponent)));
    digest_add(sums, width, 1, first_column + column, mul(sum_1, power(rho_1, exponent)));
}

// A tile whose rows stand in runs of the memory section, which begins on row `section`. A thread takes `chunk` neighbouring
// rows of a column; where a run begins, the rows before it are further away than one.
GLOBAL digest_runs(const u64* __restrict__ cells, u64 ld, u64 rows, u32 columns, u32 first_column, u64 section, const u32* __restrict__ run_start, const u64* __restrict__ run_base, u32 runs, u64 length, u32 chunk, u64 rho_0, u64 rho_1, u64* sums, u32 width) {
    u64 chunks = (rows + chunk - 1) / chunk, column = TID / chunks, first = TID % chunks * chunk;
    if (column >= columns) return;
    u64 end = first + chunk < rows ? first + chunk : rows, sum_0 = 0, sum_1 = 0;
    u32 run = memory_run(run_start, runs, (u32)(end - 1));
    for (u64 i = end; i > first;) {
        i -= 1;
        u64 cell = cells[column * ld + i];
        sum_0 = add(sum_0, cell);
        sum_1 = add(sum_1, cell);
        if (i == first) break;
        if (i != run_start[run]) {
            sum_0 = mul(sum_0, rho_0);
            sum_1 = mul(sum_1, rho_1);
            continue;
        }
        run -= 1;
        u64 gap = run_base[run + 1] - (run_base[run] + (i - 1 - run_start[run]));
        sum_0 = mul(sum_0, power(rho_0, gap));
        sum_1 = mul(sum_1, power(rho_1, gap));
    }
    u64 exponent = (first_column + column) * length + section + run_base[run] + (first - run_start[run]);
    digest_add(sums, width, 0, first_column + column, mul(sum_0, power(rho_0, exponent)));
    digest_add(sums, width, 1, first_column + column, mul(sum_1, power(rho_1, exponent)));
}

GLOBAL fill(u64* __restrict__ out, u64 n, u64 value) {
    u64 i = TID;
    if (i < n) out[i] = value;
}

// found[0]: cells that are no canonical elements; found[1], initially all ones: the first of them, row * columns + column.
GLOBAL check_cells(const u64* __restrict__ cells, u64 ld, u64 rows, u32 columns, u64* found) {
    u64 r = TID;
    if (r >= rows) return;
    u64 bad = 0, first = 0;
    for (u32 c = columns; c > 0; c--) {
        if (cells[(u64)(c - 1) * ld + r] < P) continue;
        bad += 1;
        first = r * columns + (c - 1);
    }
    if (bad == 0) return;
    atomicAdd(found, bad);
    atomicMin(found + 1, first);
}
