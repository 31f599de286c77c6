// The range checker's table from 65,536 multiplicities: 0, 65535 and every value that was looked up, with bridges in gaps that
// are no power of 3, and one row more for 65535 (spec 05, section 8). Values are cut into chunks and chunks into groups; every
// kernel reads what the one before it wrote, so none needs a barrier (spec 10, section 12).
#define RNG_VALUES 65536u
#define RNG_CHUNKS 1024u
#define RNG_CHUNK (RNG_VALUES / RNG_CHUNKS)
#define RNG_GROUPS 32u
#define RNG_GROUP (RNG_CHUNKS / RNG_GROUPS)
#define RNG_NONE 0xFFFFFFFFu

DEV bool range_shown(const u32* hist, u32 value) { return value == 0 || value == RNG_VALUES - 1 || hist[value] != 0; }

// Bridge rows of a gap: greedy strides 2187, 729, ..., 1, so the quotient by 2187 and the digits base 3 of the rest; the last
// stride is the value's own row.
DEV u32 range_bridges(u32 gap) {
    if (gap == 0) return 0;
    u32 strides = gap / 2187u;
    for (u32 rest = gap % 2187u; rest != 0; rest /= 3u) strides += rest % 3u;
    return strides - 1;
}

// Last value of each chunk that has a row, or none.
GLOBAL rng_last(const u32* __restrict__ hist, u32* __restrict__ last) {
    u64 chunk = TID;
    if (chunk >= RNG_CHUNKS) return;
    u32 found = RNG_NONE;
    for (u32 k = 0; k < RNG_CHUNK; k++) {
        u32 value = (u32)chunk * RNG_CHUNK + k;
        if (range_shown(hist, value)) found = value;
    }
    last[chunk] = found;
}

DEV u32 range_before(const u32* last, u32 chunk) {
    while (chunk > 0) {
        chunk -= 1;
        if (last[chunk] != RNG_NONE) return last[chunk];
    }
    return 0;
}

// Rows of each chunk.
GLOBAL rng_count(const u32* __restrict__ hist, const u32* __restrict__ last, u32* __restrict__ chunk_rows) {
    u64 chunk = TID;
    if (chunk >= RNG_CHUNKS) return;
    u32 before = range_before(last, (u32)chunk), count = 0;
    for (u32 k = 0; k < RNG_CHUNK; k++) {
        u32 value = (u32)chunk * RNG_CHUNK + k;
        if (!range_shown(hist, value)) continue;
        count += 1 + range_bridges(value - before);
        before = value;
    }
    chunk_rows[chunk] = count;
}

// Rows of each group; the table has their sum and one more.
GLOBAL rng_groups(const u32* __restrict__ chunk_rows, u32* __restrict__ group_rows) {
    u64 group = TID;
    if (group >= RNG_GROUPS) return;
    u32 count = 0;
    for (u32 k = 0; k < RNG_GROUP; k++) count += chunk_rows[group * RNG_GROUP + k];
    group_rows[group] = count;
}

// Both columns, multiplicity then value. The table must have the rows that the tile has: multiplicities that changed since the
// rows were counted would write outside of it. Error row: the table's row.
GLOBAL rng_rows(const u32* __restrict__ hist, const u32* __restrict__ last, const u32* __restrict__ chunk_rows, const u32* __restrict__ group_rows, u64* __restrict__ out, u64 ld, u64 rows, u64* err) {
    u64 chunk = TID, row = 0;
    if (chunk >= RNG_CHUNKS) return;
    for (u32 group = 0; group < chunk / RNG_GROUP; group++) row += group_rows[group];
    for (u64 k = chunk / RNG_GROUP * RNG_GROUP; k < chunk; k++) row += chunk_rows[k];
    u64 end = row + chunk_rows[chunk] + (chunk == RNG_CHUNKS - 1 ? 1 : 0);
    if (end > rows || (chunk == RNG_CHUNKS - 1 && end != rows)) FAIL(E_SCATTER, 0);
    u32 at = range_before(last, (u32)chunk);
    for (u32 k = 0; k < RNG_CHUNK; k++) {
        u32 value = (u32)chunk * RNG_CHUNK + k;
        if (!range_shown(hist, value)) continue;
        u32 stride = 2187u;
        while (at != value && value - at != stride) {
            if (value - at < stride) {
                stride /= 3u;
                continue;
            }
            at += stride;
            if (row >= end) FAIL(E_SCATTER, 1);
            out[row] = 0;
            out[ld + row++] = at;
        }
        if (row >= end) FAIL(E_SCATTER, 1);
        out[row] = hist[value];
        out[ld + row++] = value;
        at = value;
    }
    if (chunk != RNG_CHUNKS - 1) return;
    if (row >= end) FAIL(E_SCATTER, 1);
    out[row] = 0;
    out[ld + row] = RNG_VALUES - 1;
}
