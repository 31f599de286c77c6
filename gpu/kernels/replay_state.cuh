// The machine of one replaying thread, and what its steps have in common.

// Extension field, pairs (c0, c1) with phi^2 = phi - 2 (spec 01, section 8).
struct Pair { u64 c0, c1; };
DEV Pair pair(u64 c0, u64 c1) { Pair r; r.c0 = c0; r.c1 = c1; return r; }
DEV Pair ext_add(Pair a, Pair b) { return pair(add(a.c0, b.c0), add(a.c1, b.c1)); }
DEV Pair ext_sub(Pair a, Pair b) { return pair(sub(a.c0, b.c0), sub(a.c1, b.c1)); }
DEV Pair ext_scale(Pair a, u64 k) { return pair(mul(a.c0, k), mul(a.c1, k)); }
DEV Pair ext_mul(Pair a, Pair b) {
    u64 low = mul(a.c0, b.c0), high = mul(a.c1, b.c1);
    u64 cross = add(mul(a.c0, b.c1), mul(a.c1, b.c0));
    return pair(sub(low, add(high, high)), add(cross, high));
}

// What stage A found wrong on a row: code and detail of the error word; 0 while all is well.
DEV u32 fault(u32 code, u32 detail) { return (code << 8) | detail; }

struct Machine {
    u64 s[16];                  // top first
    u64 row;                    // clk
    u32 pc, ctx, fn, cur, par, depth, overflow;
    u32 hasher;                 // address that the next hasher request gets
    u32 ends, pops, restores, accesses, advice, permutations, targets, bitwise, circuits, ace_rows;
    u32 transcript;             // 0: the header's; else 1 + the permutation whose output holds it
};

// Sums of one fragment for the buses: [label][request count, request sum, response count, response sum][fragment].
struct Bus { u64* part; u64 fragments, fragment; };
DEV void bus_note(Bus b, u32 side, u32 label, u64 h) {
    u64 at = ((u64)label * 4 + side * 2) * b.fragments + b.fragment;
    b.part[at] += 1;
    b.part[at + b.fragments] += h;
}

// Four 16-bit limbs to the range counters; value 0 is by far the hottest, so a thread collects it.
DEV void count_limbs(u32* hist, u64 value, u32* zeros) {
    #pragma unroll
    for (int k = 0; k < 4; k++) {
        u32 limb = (u32)(value >> (16 * k)) & 0xFFFFu;
        if (limb) atomicAdd(hist + limb, 1u); else *zeros += 1;
    }
}

// The access with this number is what the row needs: key of address in ctx, at this clk, of this kind.
DEV bool is_access(const u64* key, const u32* clk, const u8* kind, u32 number, u32 ctx, u64 address, u64 row, u32 wanted) {
    return address <= U32_LIMIT && key[number] == (((u64)ctx << 32) | (address & ~3ULL)) && clk[number] == row && kind[number] == wanted;
}

// Permutations first .. first + levels - 1 are the hashes of a path from the node (stack items node + 3 .. node, element 0
// first) along the index. What lies between input and output of a permutation is the hasher chip's to prove.
DEV bool is_path(const u64* in, const u64* out, u32 first, u32 levels, const u64* node, u64 index) {
    bool fits = true;
    #pragma unroll 1
    for (u32 level = 0; level < levels; level++) {
        u64 at = (u64)(first + level) * 12;
        u32 right = (u32)(index >> level) & 1u;
        #pragma unroll
        for (int i = 0; i < 4; i++) {
            u64 below = level == 0 ? node[i] : out[at - 12 + 4 + i];
            fits = fits && in[at + i] == 0 && in[at + 4 + 4 * right + i] == below;
        }
    }
    return fits;
}

// FRI folding by 4 (spec 01, section 8.7): the 15 new items and the 6 helpers.
#define FRI_TAU_INVERSE 18446462594437873665ULL
#define FRI_HALF 9223372034707292161ULL
DEV u64 fri_factor(u32 segment) {
    return segment == 0 ? 1ULL : segment == 1 ? FRI_TAU_INVERSE : segment == 2 ? 18446744069414584320ULL : 281474976710656ULL;
}
DEV Pair fold_two(Pair a, Pair b, Pair c) {
    return ext_scale(ext_add(ext_add(a, b), ext_mul(ext_sub(a, b), c)), FRI_HALF);
}
DEV void fri_fold(const u64* s, u64* items, u64* helpers) {
    u64 factor = fri_factor((u32)s[9]);
    u64 x = mul(mul(7ULL, s[10]), factor), x_inverse = inverse(x);
    Pair ev = ext_scale(pair(s[14], s[13]), x_inverse), es = ext_mul(ev, ev);
    // Three foldings by two, the last of what the others gave; one body of code serves them.
    Pair t = pair(0, 0), u = t, r = t, challenge = ev;
    Pair left = pair(s[7], s[6]), right = pair(s[3], s[2]);
    #pragma unroll 1
    for (u32 k = 0; k < 3; k++) {
        r = fold_two(left, right, challenge);
        if (k == 0) {
            t = r;
            left = pair(s[5], s[4]); right = pair(s[1], s[0]); challenge = ext_scale(ev, FRI_TAU_INVERSE);
        } else if (k == 1) {
            u = r;
            left = t; right = u; challenge = es;
        }
    }
    u64 square = mul(s[10], s[10]);
    items[0] = t.c1; items[1] = t.c0; items[2] = u.c1; items[3] = u.c0;
    #pragma unroll
    for (int k = 0; k < 4; k++) items[4 + k] = s[9] == (u64)(3 - k) ? 1 : 0;
    items[8] = square; items[9] = factor; items[10] = add(s[15], 8); items[11] = mul(square, square);
    items[12] = s[8]; items[13] = r.c1; items[14] = r.c0;
    helpers[0] = ev.c0; helpers[1] = ev.c1; helpers[2] = es.c0; helpers[3] = es.c1; helpers[4] = x; helpers[5] = x_inverse;
}

// Horner evaluation of eight base or four extension coefficients, highest first in items 7 .. 0; half: the accumulator after
// the first half. The coefficients are turned through item 7, so that one body of code with fixed indices serves them all.
DEV void turn(u64* s) {
    u64 x = s[7];
    #pragma unroll
    for (int k = 7; k > 0; k--) s[k] = s[k - 1];
    s[0] = x;
}
DEV Pair horner(u64* s, Pair alpha, bool extension, Pair* half) {
    Pair c = pair(s[15], s[14]);
    #pragma unroll 1
    for (u32 k = 0; k < 8; k++) {
        if (!extension || !(k & 1)) {
            c = ext_mul(c, alpha);
            c.c0 = add(c.c0, s[7]);
        } else c.c1 = add(c.c1, s[7]);
        turn(s);
        if (k == 3) *half = c;
    }
    return c;
}
