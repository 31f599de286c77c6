// Hasher rows: eight per permutation, the state before each round and after the last (spec 05, section 2). The states of a
// program's nodes are a table of the program; those of HPERM, LOGPRECOMPILE and Merkle paths are computed from recorded inputs
// and compared with the recorded outputs, so a recorded output is proved, not trusted.

// states[(i * 12 + element) * 8 + row] of recorded permutation first + i. Error row: the permutation; detail: the first wrong
// element of its output.
GLOBAL __launch_bounds__(128) hsh_states(const u64* __restrict__ perm_in, const u64* __restrict__ perm_out, u64* __restrict__ states, u64* err, u32 first, u32 n) {
    u64 i = TID;
    if (i >= n) return;
    u64 row = (u64)first + i;
    u64 s[12];
#pragma unroll
    for (int k = 0; k < 12; k++) {
        s[k] = perm_in[row * 12 + k];
        states[(i * 12 + k) * 8] = s[k];
    }
#pragma unroll 1
    for (int r = 0; r < 7; r++) {
        rpo_round(s, r);
#pragma unroll
        for (int k = 0; k < 12; k++) states[(i * 12 + k) * 8 + r + 1] = canon(s[k]);
    }
#pragma unroll
    for (int k = 0; k < 12; k++)
        if (canon(s[k]) != perm_out[row * 12 + k]) FAIL(E_PERMUTATION, k);
}

// What is asked of a recorded permutation: pinfo bits 0-1 the request, bit 2 first and bit 3 last of its request.
#define PATH_REQUEST(info) ((info) & 3u)    // 0 a permutation, 1 MPVERIFY, 2 and 3 the old and the new half of MRUPDATE
#define PATH_FIRST 4u
#define PATH_LAST 8u

// Selectors s0 | s1 << 1 | s2 << 2 of row k of a cycle.
DEV u32 node_selectors(u32 sel, u32 k) { return k == 0 ? sel & 1u : k == 7 ? (sel >> 1) & 1u : 0; }
DEV u32 recorded_selectors(u32 info, u32 k) {
    u32 request = PATH_REQUEST(info);
    if (request == 0) return k == 0 ? 1u : k == 7 ? 4u : 0;            // LINEAR, then RETURN_STATE
    u32 s12 = (request & 2u) | (request & 1u) << 2;
    if (k == 0) return s12 | (info & PATH_FIRST ? 1u : 0);
    if (k == 7) return info & PATH_LAST ? 0 : s12 | 1u;                // RETURN_HASH, or on to the next leg
    return s12;
}

// Hasher rows, 20 columns. psrc: per 8 rows a permutation of the program's table, or RECORDED and a recorded one. One call
// writes the rows of recorded permutations first .. first + count - 1, whose states it is given, and those of nodes when
// `nodes` is set. Every index is tested: an entry that the replay did not write is all ones and names no permutation.
// Error row: the row of the shard's hasher section.
GLOBAL hsh_expand(const u32* __restrict__ psrc, const u64* __restrict__ table, const u8* __restrict__ table_sel, u32 table_size, const u64* __restrict__ states, const u8* __restrict__ pinfo, const u64* __restrict__ pidx, u32 recorded, u32 first, u32 count, u32 nodes, u64* __restrict__ out, u64 ld, u64 rows, u64* err) {
    u64 row = TID;
    if (row >= rows) return;
    u32 source = psrc[row >> 3], k = (u32)row & 7u, selectors;
    u64 index = 0;
    const u64* state;
    if (source & RECORDED) {
        u32 q = source & ~RECORDED;
        if (q >= recorded) FAIL(E_SCATTER, 0);
        if (q < first || q - first >= count) return;
        u32 info = pinfo[q];
        u64 leg = pidx[q];
        if (info > 15u || (PATH_REQUEST(info) == 0 && (info != (PATH_FIRST | PATH_LAST) || leg != 0))) FAIL(E_SCATTER, 1);
        selectors = recorded_selectors(info, k);
        // The node index on the leg's level; only the first row of a path still shows it unshifted.
        index = leg >> (k == 0 && (info & PATH_FIRST) ? 0 : 1);
        state = states + (u64)(q - first) * 96;
    } else {
        if (source >= table_size) FAIL(E_SCATTER, 2);
        if (!nodes) return;
        selectors = node_selectors(table_sel[source], k);
        state = table + (u64)source * 96;
    }
    out[row] = 0;
#pragma unroll
    for (int i = 0; i < 3; i++) out[(1 + i) * ld + row] = (selectors >> i) & 1u;
#pragma unroll
    for (int i = 0; i < 12; i++) out[(4 + i) * ld + row] = state[i * 8 + k];
    out[16 * ld + row] = index;
#pragma unroll
    for (int i = 17; i < 20; i++) out[i * ld + row] = 0;
}

// Answers of the hasher, read from its columns as the constraints read them: the row number gives the position in the cycle and
// the address, the selectors what is answered (spec 12, section 7.7). base: global row of the tile's first row.
DEV u64 bus_elements(u64 h, const u64* cells, u64 ld, u64 row, int first, int count) {
    for (int i = 0; i < count; i++) h = mix(h, cells[(u64)(4 + first + i) * ld + row]);
    return h;
}
#define HSH_CYCLES 8 // per thread: one atomic for many messages
GLOBAL hsh_bus(const u64* __restrict__ cells, u64 ld, u64 rows, u64 base, u64* bus, u64* err) {
    u64 threads = (rows / 8 + HSH_CYCLES - 1) / HSH_CYCLES;
    if (TID >= threads) return;
    BusTally in = {0, 0}, absorb = {0, 0}, digest = {0, 0}, state = {0, 0}, merkle = {0, 0};
#pragma unroll 1
    for (u32 step = 0; step < HSH_CYCLES; step++) {
        u64 row = (TID + step * threads) * 8;
        if (row >= rows) break;
        if (cells[row] == 0) {
            u64 s0 = cells[ld + row], s1 = cells[2 * ld + row], s2 = cells[3 * ld + row];
            u64 address = base + row + 1, node = cells[16 * ld + row];
            u64 request = 2 * s1 + s2;
            if (s0 == 1 && request == 0)
                tally(&in, bus_elements(mix(bus_begin(BUS_HASH_IN), address), cells, ld, row, 0, 12));
            else if (s0 == 1) {
                u64 h = mix(mix(mix(bus_begin(BUS_MERKLE_IN), request), address), node);
                tally(&merkle, bus_elements(h, cells, ld, row, node & 1 ? 8 : 4, 4));
            }
        }
        row += 7;
        if (cells[row] == 0) {
            u64 s0 = cells[ld + row], s1 = cells[2 * ld + row], s2 = cells[3 * ld + row];
            u64 address = base + row + 1;
            if (s0 == 0 && s1 == 0 && s2 == 0)
                tally(&digest, bus_elements(mix(bus_begin(BUS_HASH_OUT), address), cells, ld, row, 4, 4));
            else if (s0 == 0 && s1 == 0 && s2 == 1)
                tally(&state, bus_elements(mix(bus_begin(BUS_STATE_OUT), address), cells, ld, row, 0, 12));
            else if (s0 == 1 && s1 == 0 && s2 == 0) {
                if (row + 1 >= rows) FAIL(E_SCATTER, 3); // absorbs a batch that has no rows
                tally(&absorb, bus_elements(mix(bus_begin(BUS_ABSORB), address + 1), cells, ld, row + 1, 4, 8));
            }
        }
    }
    bus_flush(bus, BUS_ANSWERED, BUS_HASH_IN, &in);
    bus_flush(bus, BUS_ANSWERED, BUS_ABSORB, &absorb);
    bus_flush(bus, BUS_ANSWERED, BUS_HASH_OUT, &digest);
    bus_flush(bus, BUS_ANSWERED, BUS_STATE_OUT, &state);
    bus_flush(bus, BUS_ANSWERED, BUS_MERKLE_IN, &merkle);
}
