// The commitment over rows: the trace put together from its chips, rows of the extension hashed with RPO, and the tree
// (spec 11, sections 3 and 4). A node is four words; node 1 is the root, the leaf of row i is node leaves + i.

// Copies a tile into the matrix [72][length]. run_start null: the tile's rows are neighbours.
GLOBAL merkle_place(const u64* __restrict__ cells, u64 ld, u64 rows, u64 columns, u64 first_row, u64 first_column, const u32* __restrict__ run_start, const u64* __restrict__ run_base, u32 runs, u64* __restrict__ matrix, u64 length) {
    u64 i = TID;
    if (i >= rows * columns) return;
    u64 c = i / rows, r = i - c * rows;
    u64 row = first_row + r;
    if (run_start) {
        u32 run = memory_run(run_start, runs, (u32)r);
        row = first_row + run_base[run] + (r - run_start[run]);
    }
    if (row < length) matrix[(first_column + c) * length + row] = cells[c * ld + r];
}

// values[index] = value
GLOBAL merkle_set(u64* values, u64 index, u64 value) {
    if (TID == 0) values[index] = value;
}

// One absorption of up to eight columns by every row's sponge. The rate is overwritten, so all that lives between two
// absorptions is the capacity: it waits in the row's leaf, and the last absorption leaves the digest there.
// values[c * rows + r * n + j] is row r + cosets * j of the extension, n = rows / cosets.
GLOBAL merkle_absorb(const u64* __restrict__ values, u64 rows, u64 columns, u64 cosets, u64 capacity, u32 first, u32 last, u64* __restrict__ nodes) {
    u64 i = TID;
    if (i >= rows) return;
    u64 n = rows / cosets, r = i / n, j = i - r * n;
    u64* leaf = nodes + 4 * (rows + r + cosets * j);
    u64 s[12];
    for (u32 k = 0; k < 4; k++) s[k] = first ? 0 : leaf[k];
    if (first) s[0] = capacity;
    for (u32 k = 0; k < 8; k++) s[4 + k] = k < columns ? values[k * rows + i] : 0;
    permute(s);
    for (u32 k = 0; k < 4; k++) leaf[k] = last ? s[4 + k] : s[k];
}

// Nodes first .. 2 * first - 1 from their children: one level of the tree.
GLOBAL merkle_level(u64* nodes, u64 first) {
    u64 i = TID;
    if (i >= first) return;
    u64 s[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const u64* children = nodes + 8 * (first + i);
    for (u32 k = 0; k < 8; k++) s[4 + k] = children[k];
    permute(s);
    for (u32 k = 0; k < 4; k++) nodes[4 * (first + i) + k] = s[4 + k];
}

// digests[r] = sum over columns of cell * weight^(column of the tile) * first_weight
GLOBAL merkle_row_digests(const u64* __restrict__ cells, u64 ld, u64 rows, u64 columns, u64 first_weight, u64 weight, u64* __restrict__ digests) {
    u64 r = TID;
    if (r >= rows) return;
    u64 sum = 0;
    for (u64 c = columns; c > 0; c--) sum = add(mul(sum, weight), cells[(c - 1) * ld + r]);
    digests[r] = mul(sum, first_weight);
}
