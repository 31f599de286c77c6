// Stage A (spec 10, section 4): one thread replays one fragment from its header and its part of the queues.
//
// It writes the stack columns, the seeds from which stage B expands the system and decoder columns, and at assignment the side
// effects and plans. Nothing is trusted: every queue read is tested against the next header's offset, every scatter target
// against its array, and the state after the last row against the next header. A fragment stops at the first contradiction.

#define HEADER(k) hdr[(u64)(k) * (fragments + 1) + f]
#define NEXT_HEADER(k) hdr[(u64)(k) * (fragments + 1) + f + 1]
#define WORD(k) hwords[(u64)(k) * (fragments + 1) + f]
#define NEXT_WORD(k) hwords[(u64)(k) * (fragments + 1) + f + 1]
#define STOP(code, detail) { bad = fault(code, detail); break; }
#define STOP_UNLESS_LEFT(cursor, amount, field, queue) \
    if ((u64)(cursor) + (u64)(amount) > NEXT_HEADER(field)) STOP(E_QUEUE_UNDERFLOW, queue)
#define PUSH_CONTINUATION(value) { \
    if (grown >= grow_cap) STOP(E_CONTINUATIONS, 0) \
    grow[(u64)grown * count + i] = (value); grown++; if (grown > most_grown) most_grown = grown; }
#define DECODER_CELL(column, value) { if (mask & M_DECODER) dec[(u64)(column) * dec_ld + at] = (value); }
#define NOTE(side, label, h) bus_note(bus, side, label, h)

// Word i of a function hash: of a node, of a restored context, or of a header.
DEV u64 fn_word(const u64* digests, u32 nodes, const u64* res_fn, u32 restores, const u64* hwords, u64 fragments, u32 fn, u32 word) {
    if (fn < nodes) return digests[(u64)fn * 4 + word];
    if (fn - nodes < restores) return res_fn[(u64)(fn - nodes) * 4 + word];
    return hwords[(u64)(W_FN + word) * (fragments + 1) + (fn - nodes - restores)];
}
#define FN_WORD(fn, word) fn_word(digests, nodes, res_fn, n_restores, hwords, fragments, fn, word)

template <bool SIDE> DEV void replay_fragment(
    const u32* __restrict__ eff, const u64* __restrict__ imm, const u32* __restrict__ t1, const u32* __restrict__ t2,
    const u32* __restrict__ node, const u64* __restrict__ h, const u64* __restrict__ digests, const u32* __restrict__ domain,
    const u32* __restrict__ hoff, const u32* __restrict__ hn, const u64* __restrict__ invt, u32 n_invt, u32 rows, u32 nodes,
    u32 procedures, const u32* __restrict__ hdr, const u64* __restrict__ hwords, const u32* __restrict__ ends_flags,
    const u32* __restrict__ ends_cur, const u32* __restrict__ ends_par, const u64* __restrict__ pop_value,
    const u32* __restrict__ pop_addr, const u32* __restrict__ res_ctx, const u32* __restrict__ res_depth,
    const u32* __restrict__ res_ovf, const u64* __restrict__ res_fn, const u64* __restrict__ acc_key,
    const u32* __restrict__ acc_clk, const u8* __restrict__ acc_kind, const u64* __restrict__ acc_word,
    const u64* __restrict__ adv, const u64* __restrict__ perm_in, const u64* __restrict__ perm_out,
    const u32* __restrict__ tgt_pc, const u32* __restrict__ tgt_enters, const u32* __restrict__ cont, u32 n_restores,
    u64* stk, u64 stk_ld, u64* dec, u64 dec_ld, u32* seed_sys, u32* seed_dec, u64* aux, u64 seed_ld, u64 row0, u32* hist,
    u64* part, u32* kcount, u32* bit_a, u32* bit_b, u8* bit_op, u32 bit_cap, u32* psrc, u32 psrc_cap, u8* pinfo, u64* pidx,
    u32 perm_cap, u32* sec_access, u32* sec_row, u32* sec_reads, u32* sec_evals, u32* sec_ptr, u32* sec_ctx, u32* sec_clk,
    u32 sec_cap, u32* grow, u32 grow_cap, u32* grew, u64* err, u32 fragments, u32 first, u32 count, u32 mask)
{
    u64 i = TID;
    if (i >= count) return;
    u64 f = first + i;
    u32 bad = 0;
    Machine m;
    m.row = HEADER(H_CLK);
    u64 end = NEXT_HEADER(H_CLK);
    if (SIDE && (!hist || !part || !kcount)) { atomicMin(err, (m.row << 16) | fault(E_SIDE_EFFECT, 0)); return; }
    m.pc = HEADER(H_PC); m.ctx = HEADER(H_CTX); m.cur = HEADER(H_CUR); m.par = HEADER(H_PAR); m.depth = HEADER(H_DEPTH);
    m.overflow = HEADER(H_OVERFLOW); m.hasher = HEADER(H_HASHER); m.ends = HEADER(H_ENDS); m.pops = HEADER(H_POPS);
    m.restores = HEADER(H_RESTORES); m.accesses = HEADER(H_ACCESSES); m.advice = HEADER(H_ADVICE);
    m.permutations = HEADER(H_PERMUTATIONS); m.targets = HEADER(H_TARGETS); m.bitwise = HEADER(H_BITWISE);
    m.circuits = HEADER(H_CIRCUITS); m.ace_rows = HEADER(H_ACE_ROWS);
    m.fn = nodes + n_restores + (u32)f;
    m.transcript = 0;
    #pragma unroll
    for (int k = 0; k < 16; k++) m.s[k] = WORD(W_STACK + k);
    const u32* base = cont + HEADER(H_CONTINUATIONS);
    u32 based = HEADER(H_CONTINUATION_COUNT), grown = 0, most_grown = 0;   // continuations: left of the header's, and new ones
    u32 hasher0 = hdr[H_HASHER * ((u64)fragments + 1)];
    u32 zeros = 0, u32_operations = 0;
    u32 entered = NO_TARGET;            // whether the loop that ends next ran, where this fragment saw it
    Bus bus; bus.part = part; bus.fragments = count; bus.fragment = i;
    u64* s = m.s;

    #pragma unroll 1
    while (m.row < end) {
        if (m.pc < rows && S_STEP(eff[m.pc]) == T_EXTERNAL) {      // no row of its own: the way back, then the procedure's first row
            PUSH_CONTINUATION(m.pc + 1)
            PUSH_CONTINUATION(ENTER_FOREST_PC)
            m.pc = t1[m.pc];
        }
        if (m.pc >= rows) STOP(E_BAD_PC, 0)
        if (m.depth < 16) STOP(E_DEPTH, 0)
        u32 e = eff[m.pc], step = S_STEP(e), next = m.pc + 1;
        u64 at = m.row - row0;
        if (mask & M_STACK) {
            #pragma unroll
            for (int k = 0; k < 16; k++) stk[(u64)k * stk_ld + at] = s[k];
            stk[16 * stk_ld + at] = m.depth;
            stk[17 * stk_ld + at] = m.overflow;
            stk[18 * stk_ld + at] = m.depth - 16 < n_invt ? invt[m.depth - 16] : inverse(m.depth - 16);
        }
        if (mask & M_SYSTEM) { seed_sys[at] = m.ctx; seed_sys[seed_ld + at] = m.fn; }
        if (mask & M_DECODER) { seed_dec[at] = m.pc; seed_dec[seed_ld + at] = m.cur; seed_dec[2 * seed_ld + at] = m.par; }
        u64 v0 = 0, v1 = 0, a = 0;      // new items 0 and 1, and the argument of the row's helper cells
        u32 limbs = 0;                  // a's limbs are range-checked
        u32 pop = 0, callee = 0;
        if (step != T_MOVE) switch (step) {
        case T_ASSERT: if (s[0] != 1) bad = fault(E_VALUE, 0); break;
        case T_SDEPTH: v0 = m.depth; break;
        case T_CLK: v0 = m.row; break;
        case T_CALLER:
            #pragma unroll
            for (int k = 0; k < 4; k++) s[k] = FN_WORD(m.fn, 3 - k);
            break;
        // ---- field
        case T_ADD: v0 = add(s[0], s[1]); break;
        case T_NEG: v0 = neg(s[0]); break;
        case T_MUL: v0 = mul(s[0], s[1]); break;
        case T_INV: if (s[0] == 0) bad = fault(E_VALUE, 0); v0 = inverse(s[0]); break;
        case T_INCR: v0 = add(s[0], 1); break;
        case T_NOT: if (s[0] > 1) bad = fault(E_NOT_BINARY, 0); v0 = 1 - s[0]; break;
        case T_AND: if (s[0] > 1 || s[1] > 1) bad = fault(E_NOT_BINARY, 0); v0 = s[0] & s[1]; break;
        case T_OR: if (s[0] > 1 || s[1] > 1) bad = fault(E_NOT_BINARY, 0); v0 = s[0] | s[1]; break;
        case T_EQ: a = sub(s[0], s[1]); v0 = a == 0; break;
        case T_EQZ: a = s[0]; v0 = a == 0; break;
        case T_EXPACC:
            a = (s[3] & 1) ? s[1] : 1;
            s[0] = s[3] & 1;
            s[2] = mul(s[2], a);
            s[1] = mul(s[1], s[1]);
            s[3] >>= 1;
            break;
        case T_EXT2MUL: { Pair r = ext_mul(pair(s[3], s[2]), pair(s[1], s[0])); s[3] = r.c0; s[2] = r.c1; break; }
        // ---- u32
        case T_U32SPLIT: a = s[0]; limbs = 1; v0 = a >> 32; v1 = a & U32_LIMIT; break;
        case T_U32ASSERT2: case T_U32ADD: case T_U32ADD3: case T_U32SUB: case T_U32MUL: case T_U32MADD: case T_U32DIV: {
            u64 third = step == T_U32ADD3 || step == T_U32MADD ? s[2] : 0;
            if ((s[0] | s[1] | third) >> 32) STOP(E_VALUE, 0)
            limbs = 1;
            if (step == T_U32ASSERT2) a = (s[0] << 32) | s[1];
            else if (step == T_U32ADD || step == T_U32ADD3) a = s[0] + s[1] + third;
            else if (step == T_U32SUB) a = s[1] - s[0];
            else if (step == T_U32DIV) {
                if (s[0] == 0) STOP(E_VALUE, 0)
                u32 quotient = (u32)s[1] / (u32)s[0], remainder = (u32)s[1] % (u32)s[0];
                a = ((s[0] - remainder - 1) << 32) | (s[1] - quotient);
                v0 = remainder; v1 = quotient;
                break;
            } else a = s[0] * s[1] + third;
            v0 = a >> 32; v1 = a & U32_LIMIT;
            if (step == T_U32SUB) { v0 = a >> 63; a = v1; }
            break;
        }
        case T_U32AND: case T_U32XOR:
            if ((s[0] | s[1]) >> 32) STOP(E_VALUE, 0)
            STOP_UNLESS_LEFT(m.bitwise, 1, H_BITWISE, Q_BITWISE)
            v0 = step == T_U32AND ? s[0] & s[1] : s[0] ^ s[1];
            if (SIDE) {
                if (m.bitwise >= bit_cap) STOP(E_SCATTER, Q_BITWISE)
                bit_a[m.bitwise] = (u32)s[1]; bit_b[m.bitwise] = (u32)s[0]; bit_op[m.bitwise] = step == T_U32XOR;
                NOTE(0, BUS_BITWISE, mix(mix(mix(mix(bus_begin(BUS_BITWISE), step == T_U32XOR), s[1]), s[0]), v0));
            }
            m.bitwise++;
            break;
        // ---- stack
        case T_CSWAP:
            if (s[0] > 1) bad = fault(E_NOT_BINARY, 0);
            v0 = s[0] ? s[2] : s[1]; v1 = s[0] ? s[1] : s[2];
            break;
        case T_CSWAPW:
            if (s[0] > 1) bad = fault(E_NOT_BINARY, 0);
            #pragma unroll
            for (int k = 1; k < 5; k++) { u64 x = s[0] ? s[k + 4] : s[k], y = s[0] ? s[k] : s[k + 4]; s[k] = x; s[k + 4] = y; }
            break;
        case T_SWAPW:
            #pragma unroll
            for (int k = 0; k < 4; k++) { u64 x = s[k]; s[k] = s[k + 4]; s[k + 4] = x; }
            break;
        case T_SWAPW2:
            #pragma unroll
            for (int k = 0; k < 4; k++) { u64 x = s[k]; s[k] = s[k + 8]; s[k + 8] = x; }
            break;
        case T_SWAPW3:
            #pragma unroll
            for (int k = 0; k < 4; k++) { u64 x = s[k]; s[k] = s[k + 12]; s[k + 12] = x; }
            break;
        case T_SWAPDW:
            #pragma unroll
            for (int k = 0; k < 8; k++) { u64 x = s[k]; s[k] = s[k + 8]; s[k + 8] = x; }
            break;
        // ---- advice and memory
        case T_ADVPOP:
            STOP_UNLESS_LEFT(m.advice, 1, H_ADVICE, Q_ADVICE)
            v0 = adv[m.advice]; m.advice++;
            break;
        case T_ADVPOPW:
            STOP_UNLESS_LEFT(m.advice, 4, H_ADVICE, Q_ADVICE)
            #pragma unroll
            for (int k = 0; k < 4; k++) s[3 - k] = adv[m.advice + k];
            m.advice += 4;
            break;
        case T_MLOAD: case T_MSTORE: {
            STOP_UNLESS_LEFT(m.accesses, 1, H_ACCESSES, Q_ACCESSES)
            u32 element = (u32)s[0] & 3u, kind = (step == T_MLOAD ? A_READ : 0) | (element << 2);
            if (!is_access(acc_key, acc_clk, acc_kind, m.accesses, m.ctx, s[0], m.row, kind)) STOP(E_ACCESS, 0)
            u64 value = acc_word[(u64)m.accesses * 4 + element];
            if (step == T_MSTORE && value != s[1]) STOP(E_ACCESS, 1)
            if (SIDE) NOTE(0, BUS_MEMORY, mix(mix(mix(mix(mix(bus_begin(BUS_MEMORY), kind & 3), m.ctx), s[0]), m.row), value));
            v0 = value; m.accesses++;
            break;
        }
        case T_MLOADW: case T_MSTOREW: case T_MSTREAM: case T_PIPE: case T_HORNERBASE: case T_HORNEREXT: {
            u32 words = step == T_MSTREAM || step == T_PIPE ? 2 : 1, kind = A_WORD | (step == T_MSTOREW || step == T_PIPE ? 0 : A_READ);
            u64 address = step == T_MLOADW || step == T_MSTOREW ? s[0] : words == 2 ? s[12] : s[13];
            STOP_UNLESS_LEFT(m.accesses, words, H_ACCESSES, Q_ACCESSES)
            if (step == T_PIPE) STOP_UNLESS_LEFT(m.advice, 8, H_ADVICE, Q_ADVICE)
            if (address & 3) STOP(E_ACCESS, 0)
            const u64* w = acc_word + (u64)m.accesses * 4;
            for (u32 k = 0; k < words; k++) {
                if (!is_access(acc_key, acc_clk, acc_kind, m.accesses + k, m.ctx, address + 4 * k, m.row, kind)) bad = fault(E_ACCESS, 0);
                if (SIDE) {
                    u64 message = mix(mix(mix(mix(bus_begin(BUS_MEMORY), kind), m.ctx), address + 4 * k), m.row);
                    NOTE(0, BUS_MEMORY, mix(mix(mix(mix(message, w[4 * k]), w[4 * k + 1]), w[4 * k + 2]), w[4 * k + 3]));
                }
            }
            if (bad) break;
            m.accesses += words;
            if (step == T_MLOADW) {             // the shift that follows drops the address
                #pragma unroll
                for (int k = 0; k < 4; k++) s[1 + k] = w[3 - k];
            } else if (step == T_MSTOREW) {
                #pragma unroll
                for (int k = 0; k < 4; k++) if (w[k] != s[4 - k]) bad = fault(E_ACCESS, 1);
            } else if (words == 2) {
                #pragma unroll
                for (int k = 0; k < 8; k++) {
                    if (step == T_PIPE && adv[m.advice + k] != w[k]) bad = fault(E_ACCESS, 1);
                    s[7 - k] = w[k];
                }
                if (step == T_PIPE) m.advice += 8;
                s[12] = add(s[12], 8);
            } else {
                Pair half = pair(0, 0), r = horner(s, pair(w[0], w[1]), step == T_HORNEREXT, &half);
                #pragma unroll
                for (int k = 0; k < 4; k++) DECODER_CELL(10 + k, w[k])
                DECODER_CELL(14, half.c0)
                DECODER_CELL(15, half.c1)
                s[15] = r.c0; s[14] = r.c1;
            }
            break;
        }
        // ---- hasher
        case T_HPERM: case T_LOGPRECOMPILE: {
            STOP_UNLESS_LEFT(m.permutations, 1, H_PERMUTATIONS, Q_PERMUTATIONS)
            STOP_UNLESS_LEFT(m.hasher, 8, H_HASHER, Q_HASHER)
            const u64* in = perm_in + (u64)m.permutations * 12;
            const u64* out = perm_out + (u64)m.permutations * 12;
            u64 request = bus_begin(BUS_HASH_IN), reply = bus_begin(BUS_STATE_OUT);
            request = mix(request, m.hasher); reply = mix(reply, (u64)m.hasher + 7);
            #pragma unroll
            for (int k = 0; k < 12; k++) {
                u64 wanted = s[11 - k];
                if (step == T_LOGPRECOMPILE && k < 4) {
                    wanted = m.transcript ? perm_out[(u64)(m.transcript - 1) * 12 + k] : WORD(W_TRANSCRIPT + k);
                    DECODER_CELL(11 + k, wanted)
                }
                if (in[k] != wanted) bad = fault(E_PERMUTATION, 0);
                request = mix(request, in[k]); reply = mix(reply, out[k]);
                s[11 - k] = out[k];
            }
            if (bad) break;
            a = m.hasher;
            if (step == T_LOGPRECOMPILE) {
                m.transcript = m.permutations + 1;
                DECODER_CELL(10, a)
                DECODER_CELL(15, 0)
            }
            if (SIDE) {
                u64 slot = (m.hasher - hasher0) >> 3;
                if (slot >= psrc_cap || m.permutations >= perm_cap) STOP(E_SCATTER, Q_PERMUTATIONS)
                psrc[slot] = RECORDED | m.permutations;
                pinfo[m.permutations] = 12; pidx[m.permutations] = 0;
                NOTE(0, BUS_HASH_IN, request);
                NOTE(0, BUS_STATE_OUT, reply);
            }
            m.permutations++; m.hasher += 8;
            break;
        }
        case T_MPVERIFY: case T_MRUPDATE: {
            u32 legs = step == T_MRUPDATE ? 2 : 1;
            if (s[4] == 0 || s[4] > 64) STOP(E_VALUE, 0)
            u32 levels = (u32)s[4], q = m.permutations, total = legs * levels;
            STOP_UNLESS_LEFT(q, total, H_PERMUTATIONS, Q_PERMUTATIONS)
            STOP_UNLESS_LEFT(m.hasher, 8 * total, H_HASHER, Q_HASHER)
            u64 leaf[4], root[4];
            #pragma unroll 1
            for (u32 leg = 0; leg < legs; leg++) {
                u32 start = q + leg * levels;
                const u64* top = perm_out + (u64)(start + levels - 1) * 12 + 4;
                #pragma unroll
                for (int k = 0; k < 4; k++) {
                    leaf[k] = leg ? s[13 - k] : s[3 - k];
                    root[k] = top[k];
                    if (leg == 0 && root[k] != s[9 - k]) bad = fault(E_PATH, 1);
                }
                if (!is_path(perm_in, perm_out, start, levels, leaf, s[5])) bad = fault(E_PATH, 0);
                if (leg) {                      // both legs climb along the same siblings
                    for (u32 level = 0; level < levels; level++) {
                        u64 sibling = (u64)(q + level) * 12 + 4 + 4 * (1 - ((s[5] >> level) & 1)), same = sibling + (u64)levels * 12;
                        for (u32 k = 0; k < 4; k++) if (perm_in[sibling + k] != perm_in[same + k]) bad = fault(E_PATH, 2);
                    }
                }
                if (bad) break;
                if (SIDE) {
                    u32 kind = legs == 1 ? 1 : 2 + leg, address = m.hasher + 8 * leg * levels;
                    u64 slot = (address - hasher0) >> 3;
                    if (slot + levels > psrc_cap || start + levels > perm_cap) STOP(E_SCATTER, Q_PERMUTATIONS)
                    for (u32 level = 0; level < levels; level++) {
                        psrc[slot + level] = RECORDED | (start + level);
                        pinfo[start + level] = (u8)(kind | (level == 0 ? 4u : 0u) | (level == levels - 1 ? 8u : 0u));
                        pidx[start + level] = s[5] >> level;
                    }
                    u64 message = mix(mix(mix(bus_begin(BUS_MERKLE_IN), kind), address), s[5]);
                    NOTE(0, BUS_MERKLE_IN, mix(mix(mix(mix(message, leaf[0]), leaf[1]), leaf[2]), leaf[3]));
                    message = mix(bus_begin(BUS_HASH_OUT), (u64)address + 8 * levels - 1);
                    NOTE(0, BUS_HASH_OUT, mix(mix(mix(mix(message, root[0]), root[1]), root[2]), root[3]));
                }
            }
            if (bad) break;
            a = m.hasher;
            if (legs == 2) {
                #pragma unroll
                for (int k = 0; k < 4; k++) s[3 - k] = root[k];
            }
            m.permutations += total; m.hasher += 8 * total;
            break;
        }
        // ---- proof verification
        case T_FRIE2F4: {
            if (s[9] > 3) STOP(E_VALUE, 0)
            u64 items[15], helpers[6];
            fri_fold(s, items, helpers);
            #pragma unroll
            for (int k = 0; k < 6; k++) DECODER_CELL(10 + k, helpers[k])
            #pragma unroll
            for (int k = 0; k < 15; k++) s[k + 1] = items[k];
            break;
        }
        case T_EVALCIRCUIT: {
            u64 pairs = (s[1] & U32_LIMIT) >> 1, gates = s[2] & U32_LIMIT, ptr = s[0];
            STOP_UNLESS_LEFT(m.accesses, pairs + gates, H_ACCESSES, Q_ACCESSES)
            STOP_UNLESS_LEFT(m.circuits, 1, H_CIRCUITS, Q_CIRCUITS)
            STOP_UNLESS_LEFT(m.ace_rows, pairs + gates, H_ACE_ROWS, Q_CIRCUITS)
            if (s[1] & 1 || ptr & 3 || pairs == 0) STOP(E_CIRCUIT, 0)
            #pragma unroll 1
            for (u64 k = 0; k < pairs + gates; k++) {
                u64 address = k < pairs ? ptr + 4 * k : ptr + 4 * pairs + (k - pairs);
                u32 kind = k < pairs ? A_READ | A_WORD : A_READ | (((u32)address & 3u) << 2);
                if (!is_access(acc_key, acc_clk, acc_kind, (u32)(m.accesses + k), m.ctx, address, m.row, kind)) { bad = fault(E_ACCESS, 0); break; }
            }
            if (bad) break;
            if (SIDE) {
                if (m.circuits >= sec_cap) STOP(E_SCATTER, Q_CIRCUITS)
                sec_access[m.circuits] = m.accesses; sec_row[m.circuits] = m.ace_rows - hdr[H_ACE_ROWS * ((u64)fragments + 1)];
                sec_reads[m.circuits] = (u32)pairs; sec_evals[m.circuits] = (u32)gates;
                sec_ptr[m.circuits] = (u32)ptr; sec_ctx[m.circuits] = m.ctx; sec_clk[m.circuits] = (u32)m.row;
                NOTE(0, BUS_ACE, mix(mix(mix(mix(mix(bus_begin(BUS_ACE), m.ctx), ptr), m.row), pairs), gates));
            }
            m.accesses += (u32)(pairs + gates); m.ace_rows += (u32)(pairs + gates); m.circuits++;
            break;
        }
        // ---- control: a node begins
        case T_JOIN: case T_SPLIT: case T_LOOP: case T_CALL: case T_SYSCALL: case T_DYN: case T_DYNCALL: case T_SPAN: {
            u32 number = node[m.pc], permutations = hn[number], flags = 0;
            STOP_UNLESS_LEFT(m.hasher, 8 * permutations, H_HASHER, Q_HASHER)
            if ((step == T_SPLIT || step == T_LOOP) && s[0] > 1) STOP(E_NOT_BINARY, 0)
            if (step == T_LOOP) flags = F_LOOP | (s[0] ? F_ENTERED : 0);
            else if (step == T_CALL || step == T_DYNCALL) flags = F_CALL;
            else if (step == T_SYSCALL) flags = F_SYSCALL;
            if (SIDE) {
                u64 slot = (m.hasher - hasher0) >> 3;
                if (slot + permutations > psrc_cap) STOP(E_SCATTER, Q_HASHER)
                for (u32 k = 0; k < permutations; k++) psrc[slot + k] = hoff[number] + k;
                u64 message = mix(mix(mix(mix(mix(bus_begin(BUS_HASH_IN), m.hasher), 0), domain[number]), 0), 0);
                #pragma unroll
                for (int k = 0; k < 8; k++) message = mix(message, h[(u64)k * rows + m.pc]);
                NOTE(0, BUS_HASH_IN, message);
                NOTE(0, BUS_BLOCK, mix(mix(mix(mix(bus_begin(BUS_BLOCK), m.hasher), m.cur), m.par), flags));
            }
            u32 address = m.hasher;
            m.par = m.cur; m.cur = address; m.hasher += 8 * permutations;
            if (step == T_SPAN) break;
            if (step == T_LOOP && !s[0]) { next = m.pc + 2; entered = 0; break; }
            PUSH_CONTINUATION(m.pc + 1)
            next = t1[m.pc];
            if (step == T_JOIN) PUSH_CONTINUATION(t2[m.pc])
            else if (step == T_SPLIT) { if (!s[0]) next = t2[m.pc]; }
            else if (step == T_CALL || step == T_SYSCALL) callee = 1;
            else if (step == T_DYN || step == T_DYNCALL) {
                STOP_UNLESS_LEFT(m.accesses, 1, H_ACCESSES, Q_ACCESSES)
                STOP_UNLESS_LEFT(m.targets, 1, H_TARGETS, Q_TARGETS)
                if (s[0] & 3 || !is_access(acc_key, acc_clk, acc_kind, m.accesses, m.ctx, s[0], m.row, A_READ | A_WORD)) STOP(E_ACCESS, 0)
                next = tgt_pc[m.targets];
                if (next >= rows || !(eff[next] & S_ENTRY)) STOP(E_TARGET, 0)
                u64 message = mix(mix(mix(mix(bus_begin(BUS_MEMORY), A_READ | A_WORD), m.ctx), s[0]), m.row);
                #pragma unroll
                for (int k = 0; k < 4; k++) {
                    u64 x = acc_word[(u64)m.accesses * 4 + k];
                    if (digests[(u64)node[next] * 4 + k] != x) bad = fault(E_TARGET, 1);
                    message = mix(message, x);
                    DECODER_CELL(8 + k, x)
                    DECODER_CELL(12 + k, 0)
                }
                if (bad) break;
                if (SIDE) NOTE(0, BUS_MEMORY, message);
                if (tgt_enters[m.targets]) PUSH_CONTINUATION(ENTER_FOREST_PC)
                m.accesses++; m.targets++;
                callee = step == T_DYNCALL;
            }
            break;
        }
        case T_REPEAT: PUSH_CONTINUATION(m.pc) next = t1[m.pc]; break;
        case T_RESPAN:
            m.cur += 8;
            if (SIDE) {
                u64 message = mix(bus_begin(BUS_ABSORB), m.cur);
                #pragma unroll
                for (int k = 0; k < 8; k++) message = mix(message, h[(u64)k * rows + m.pc]);
                NOTE(0, BUS_ABSORB, message);
            }
            break;
        // ---- control: a node ends
        case T_END: case T_END_LOOP: case T_END_CALL: case T_END_SYSCALL: {
            STOP_UNLESS_LEFT(m.ends, 1, H_ENDS, Q_ENDS)
            u32 flags = ends_flags[m.ends], kind = flags & ~F_LOOP_BODY;
            u32 wanted = step == T_END ? 0 : step == T_END_LOOP ? (kind & F_ENTERED) | F_LOOP : step == T_END_CALL ? F_CALL : F_SYSCALL;
            if (kind != wanted || ends_cur[m.ends] != m.par) STOP(E_END_RECORD, 0)
            if (step == T_END_LOOP) {
                if (entered != NO_TARGET && (flags & F_ENTERED) != entered) STOP(E_END_RECORD, 1)
                if ((flags & F_ENTERED) && s[0] != 0) STOP(E_END_RECORD, 2)
                entered = NO_TARGET;
                if (!(flags & F_ENTERED)) e = 0;            // never ran: its condition was dropped by LOOP
            }
            a = flags; pop = 1;
            u32 address = m.cur;
            if (SIDE) {
                u32 start = address - 8 * (hn[node[m.pc]] - 1);
                NOTE(1, BUS_BLOCK, mix(mix(mix(mix(bus_begin(BUS_BLOCK), start), ends_cur[m.ends]), ends_par[m.ends]), kind));
                u64 message = mix(bus_begin(BUS_HASH_OUT), (u64)address + 7);
                #pragma unroll
                for (int k = 0; k < 4; k++) message = mix(message, h[(u64)k * rows + m.pc]);
                NOTE(0, BUS_HASH_OUT, message);
            }
            m.cur = ends_cur[m.ends]; m.par = ends_par[m.ends]; m.ends++;
            if (step == T_END_CALL || step == T_END_SYSCALL) {
                STOP_UNLESS_LEFT(m.restores, 1, H_RESTORES, Q_RESTORES)
                if (m.depth != 16) STOP(E_DEPTH, 1)
                m.ctx = res_ctx[m.restores]; m.depth = res_depth[m.restores]; m.overflow = res_ovf[m.restores]; m.fn = nodes + m.restores;
                if (SIDE) {
                    u64 message = mix(mix(bus_begin(BUS_CALL), address), m.ctx);
                    #pragma unroll
                    for (int k = 0; k < 4; k++) message = mix(message, res_fn[(u64)m.restores * 4 + k]);
                    NOTE(1, BUS_CALL, mix(mix(message, m.depth), m.overflow));
                }
                m.restores++;
            }
            break;
        }
        default: bad = fault(E_BAD_PC, 1);
        }
        if (bad) break;

        u32 motion = S_MOTION(e), limit = S_LIMIT(e);
        if (motion == 1) {
            u64 top = s[0], last = s[15];
            u32 source = S_SOURCE(e);
            #pragma unroll
            for (int k = 1; k < 16; k++) top = (u32)k == source ? s[k] : top;
            if (e & S_IMMEDIATE) top = imm[m.pc];
            #pragma unroll
            for (int k = 15; k > 0; k--) s[k] = (u32)k <= limit ? s[k - 1] : s[k];
            s[0] = top;
            if (e & S_DEPTH) {
                m.depth++; m.overflow = (u32)m.row;
                if (SIDE) NOTE(0, BUS_OVERFLOW, mix(mix(bus_begin(BUS_OVERFLOW), m.row), last));
            }
        } else if (motion == 2) {
            u64 last = s[0];
            if (e & S_DEPTH) {
                last = 0;
                if (m.depth > 16) {
                    STOP_UNLESS_LEFT(m.pops, 1, H_POPS, Q_POPS)
                    last = pop_value[m.pops];
                    if (SIDE) NOTE(1, BUS_OVERFLOW, mix(mix(bus_begin(BUS_OVERFLOW), m.overflow), last));
                    m.depth--;
                    u32 below = pop_addr[m.pops];           // pushed earlier; nothing where nothing is left
                    if (below >= m.overflow || (below == 0) != (m.depth == 16)) STOP(E_VALUE, 1)
                    m.overflow = below; m.pops++;
                } else m.overflow = 0;
            }
            #pragma unroll
            for (int k = 0; k < 15; k++) s[k] = (u32)k < limit ? s[k + 1] : (u32)k == limit ? last : s[k];
            if (limit == 15) s[15] = last;
        }
        if (e & S_SET0) s[0] = v0;
        if (e & S_SET1) s[1] = v1;

        if (callee) {                   // the callee's context, after the caller's last shift
            if (step == T_DYNCALL) { DECODER_CELL(12, m.depth) DECODER_CELL(13, m.overflow) }
            if (SIDE) {
                u64 message = mix(mix(bus_begin(BUS_CALL), m.cur), m.ctx);
                #pragma unroll
                for (int k = 0; k < 4; k++) message = mix(message, FN_WORD(m.fn, k));
                NOTE(0, BUS_CALL, mix(mix(message, m.depth), m.overflow));
                if (step == T_SYSCALL) {
                    u32 number = t2[m.pc];
                    if (number >= procedures) STOP(E_KERNEL_INDEX, 0)
                    atomicAdd(kcount + number, 1u);
                    message = bus_begin(BUS_KERNEL);
                    #pragma unroll
                    for (int k = 0; k < 4; k++) message = mix(message, digests[(u64)node[next] * 4 + k]);
                    NOTE(0, BUS_KERNEL, message);
                }
            }
            m.depth = 16; m.overflow = 0;
            if (step == T_SYSCALL) m.ctx = 0;
            else {
                STOP_UNLESS_LEFT(m.accesses, 1, H_ACCESSES, Q_ACCESSES)
                u64 key = ((m.row + 1) << 32) | FRAME_POINTER_KEY;
                bool fits = acc_key[m.accesses] == key && acc_clk[m.accesses] == m.row && acc_kind[m.accesses] == 8;
                if (!fits || acc_word[(u64)m.accesses * 4 + 2] != FRAME_POINTER_START) STOP(E_FRAME, 0)
                m.accesses++;
                m.ctx = (u32)m.row + 1;
                m.fn = step == T_CALL ? t2[m.pc] : node[next];
                if (SIDE)
                    NOTE(0, BUS_MEMORY, mix(mix(mix(mix(mix(bus_begin(BUS_MEMORY), 0), m.ctx), FRAME_POINTER_KEY + 2), m.row), FRAME_POINTER_START));
            }
        }
        if (pop) {                      // what follows a node: the last continuation that has a row
            next = HALTED;
            while (grown + based) {
                if (grown) { grown--; next = grow[(u64)grown * count + i]; }
                else { based--; next = base[based]; }
                if (next >= rows || !(eff[next] & S_ROWLESS)) break;
                next = HALTED;
            }
            bool body = next < rows && S_STEP(eff[next]) == T_REPEAT;
            if (body != (a & F_LOOP_BODY)) STOP(E_END_RECORD, 3)
            if (body && s[0] > 1) STOP(E_NOT_BINARY, 1)
            if (body && s[0] == 0) { next++; entered = F_ENTERED; }
        }
        if (SIDE && limbs) { count_limbs(hist, a, &zeros); u32_operations++; }
        if (mask & M_DECODER) aux[at] = a;
        m.pc = next;
        m.row++;
        if (next == HALTED && m.row != end) STOP(E_ENDED_EARLY, 0)
    }
    // What does not fit the next header is named by that header's clk; entries left over, by the last row that could have read them.
    if (!bad) do {
        if (m.pc < rows && S_STEP(eff[m.pc]) == T_EXTERNAL) {
            PUSH_CONTINUATION(m.pc + 1)
            PUSH_CONTINUATION(ENTER_FOREST_PC)
            m.pc = t1[m.pc];
        }
        if (m.ends != NEXT_HEADER(H_ENDS)) STOP(E_QUEUE_LEFTOVER, Q_ENDS)
        if (m.pops != NEXT_HEADER(H_POPS)) STOP(E_QUEUE_LEFTOVER, Q_POPS)
        if (m.restores != NEXT_HEADER(H_RESTORES)) STOP(E_QUEUE_LEFTOVER, Q_RESTORES)
        if (m.accesses != NEXT_HEADER(H_ACCESSES)) STOP(E_QUEUE_LEFTOVER, Q_ACCESSES)
        if (m.advice != NEXT_HEADER(H_ADVICE)) STOP(E_QUEUE_LEFTOVER, Q_ADVICE)
        if (m.permutations != NEXT_HEADER(H_PERMUTATIONS)) STOP(E_QUEUE_LEFTOVER, Q_PERMUTATIONS)
        if (m.targets != NEXT_HEADER(H_TARGETS)) STOP(E_QUEUE_LEFTOVER, Q_TARGETS)
        if (m.bitwise != NEXT_HEADER(H_BITWISE)) STOP(E_QUEUE_LEFTOVER, Q_BITWISE)
        if (m.hasher != NEXT_HEADER(H_HASHER)) STOP(E_QUEUE_LEFTOVER, Q_HASHER)
        if (m.circuits != NEXT_HEADER(H_CIRCUITS) || m.ace_rows != NEXT_HEADER(H_ACE_ROWS)) STOP(E_QUEUE_LEFTOVER, Q_CIRCUITS)
        if (m.pc != NEXT_HEADER(H_PC)) STOP(E_CARRY, H_PC)
        if (m.ctx != NEXT_HEADER(H_CTX)) STOP(E_CARRY, H_CTX)
        if (m.cur != NEXT_HEADER(H_CUR)) STOP(E_CARRY, H_CUR)
        if (m.par != NEXT_HEADER(H_PAR)) STOP(E_CARRY, H_PAR)
        if (m.depth != NEXT_HEADER(H_DEPTH)) STOP(E_CARRY, H_DEPTH)
        if (m.overflow != NEXT_HEADER(H_OVERFLOW)) STOP(E_CARRY, H_OVERFLOW)
        #pragma unroll
        for (int k = 0; k < 16; k++) if (!bad && s[k] != NEXT_WORD(W_STACK + k)) bad = fault(E_CARRY, CARRY_WORD + W_STACK + k);
        #pragma unroll 1
        for (u32 k = 0; k < 4 && !bad; k++) {
            if (FN_WORD(m.fn, k) != NEXT_WORD(W_FN + k)) bad = fault(E_CARRY, CARRY_WORD + W_FN + k);
            // The program's last state has no record of the transcript.
            u64 transcript = m.transcript ? perm_out[(u64)(m.transcript - 1) * 12 + k] : WORD(W_TRANSCRIPT + k);
            if (!bad && m.pc != HALTED && transcript != NEXT_WORD(W_TRANSCRIPT + k)) bad = fault(E_CARRY, CARRY_WORD + W_TRANSCRIPT + k);
        }
        if (bad) break;
        if (based + grown != NEXT_HEADER(H_CONTINUATION_COUNT)) STOP(E_CARRY, CARRY_CONTINUATION)
        const u32* wanted = cont + NEXT_HEADER(H_CONTINUATIONS);
        for (u32 k = 0; k < based + grown && !bad; k++) {
            u32 found = k < based ? base[k] : grow[(u64)(k - based) * count + i];
            if (found != wanted[k]) bad = fault(E_CARRY, CARRY_CONTINUATION);
        }
    } while (0);
    if (bad) {
        u64 named = bad >> 8 == E_QUEUE_LEFTOVER && m.row > HEADER(H_CLK) ? m.row - 1 : m.row;
        atomicMin(err, (named << 16) | bad);
        return;
    }
    if (SIDE) {
        if (zeros) atomicAdd(hist, zeros);
        part[(u64)BUS_LABELS * 4 * count + i] = u32_operations;
        if (grew) atomicMax(grew, most_grown);
    }
}

// Columns and seeds of a run of fragments, without side effects: there is no pointer through which it could have any.
// Two blocks per multiprocessor leave enough registers to spill none; a third would hold no thread for lack of fragments.
GLOBAL __launch_bounds__(128, 2) replay(
    const u32* __restrict__ eff, const u64* __restrict__ imm, const u32* __restrict__ t1, const u32* __restrict__ t2,
    const u32* __restrict__ node, const u64* __restrict__ h, const u64* __restrict__ digests, const u32* __restrict__ hn,
    const u64* __restrict__ invt, u32 n_invt, u32 rows, u32 nodes, const u32* __restrict__ hdr,
    const u64* __restrict__ hwords, const u32* __restrict__ ends_flags, const u32* __restrict__ ends_cur,
    const u32* __restrict__ ends_par, const u64* __restrict__ pop_value, const u32* __restrict__ pop_addr,
    const u32* __restrict__ res_ctx, const u32* __restrict__ res_depth, const u32* __restrict__ res_ovf,
    const u64* __restrict__ res_fn, const u64* __restrict__ acc_key, const u32* __restrict__ acc_clk,
    const u8* __restrict__ acc_kind, const u64* __restrict__ acc_word, const u64* __restrict__ adv,
    const u64* __restrict__ perm_in, const u64* __restrict__ perm_out, const u32* __restrict__ tgt_pc,
    const u32* __restrict__ tgt_enters, const u32* __restrict__ cont, u32 n_restores, u64* stk, u64 stk_ld, u64* dec,
    u64 dec_ld, u32* seed_sys, u32* seed_dec, u64* aux, u64 seed_ld, u64 row0, u32* grow, u32 grow_cap, u64* err,
    u32 fragments, u32 first, u32 count, u32 mask)
{
    replay_fragment<false>(
        eff, imm, t1, t2, node, h, digests, 0, 0, hn, invt, n_invt, rows, nodes, 0, hdr, hwords, ends_flags, ends_cur,
        ends_par, pop_value, pop_addr, res_ctx, res_depth, res_ovf, res_fn, acc_key, acc_clk, acc_kind, acc_word, adv,
        perm_in, perm_out, tgt_pc, tgt_enters, cont, n_restores, stk, stk_ld, dec, dec_ld, seed_sys, seed_dec, aux, seed_ld,
        row0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, grow, grow_cap, 0, err, fragments, first, count,
        mask);
}

// Side effects and plans of a run of fragments, without columns.
GLOBAL __launch_bounds__(128, 2) replay_sides(
    const u32* __restrict__ eff, const u64* __restrict__ imm, const u32* __restrict__ t1, const u32* __restrict__ t2,
    const u32* __restrict__ node, const u64* __restrict__ h, const u64* __restrict__ digests, const u32* __restrict__ domain,
    const u32* __restrict__ hoff, const u32* __restrict__ hn, const u64* __restrict__ invt, u32 n_invt, u32 rows, u32 nodes,
    u32 procedures, const u32* __restrict__ hdr, const u64* __restrict__ hwords, const u32* __restrict__ ends_flags,
    const u32* __restrict__ ends_cur, const u32* __restrict__ ends_par, const u64* __restrict__ pop_value,
    const u32* __restrict__ pop_addr, const u32* __restrict__ res_ctx, const u32* __restrict__ res_depth,
    const u32* __restrict__ res_ovf, const u64* __restrict__ res_fn, const u64* __restrict__ acc_key,
    const u32* __restrict__ acc_clk, const u8* __restrict__ acc_kind, const u64* __restrict__ acc_word,
    const u64* __restrict__ adv, const u64* __restrict__ perm_in, const u64* __restrict__ perm_out,
    const u32* __restrict__ tgt_pc, const u32* __restrict__ tgt_enters, const u32* __restrict__ cont, u32 n_restores,
    u32* hist, u64* part, u32* kcount, u32* bit_a, u32* bit_b, u8* bit_op, u32 bit_cap, u32* psrc, u32 psrc_cap, u8* pinfo,
    u64* pidx, u32 perm_cap, u32* sec_access, u32* sec_row, u32* sec_reads, u32* sec_evals, u32* sec_ptr, u32* sec_ctx,
    u32* sec_clk, u32 sec_cap, u32* grow, u32 grow_cap, u32* grew, u64* err, u32 fragments, u32 first, u32 count)
{
    replay_fragment<true>(
        eff, imm, t1, t2, node, h, digests, domain, hoff, hn, invt, n_invt, rows, nodes, procedures, hdr, hwords, ends_flags,
        ends_cur, ends_par, pop_value, pop_addr, res_ctx, res_depth, res_ovf, res_fn, acc_key, acc_clk, acc_kind, acc_word,
        adv, perm_in, perm_out, tgt_pc, tgt_enters, cont, n_restores, 0, 0, 0, 0, 0, 0, 0, 0, 0, hist, part, kcount, bit_a,
        bit_b, bit_op, bit_cap, psrc, psrc_cap, pinfo, pidx, perm_cap, sec_access, sec_row, sec_reads, sec_evals, sec_ptr,
        sec_ctx, sec_clk, sec_cap, grow, grow_cap, grew, err, fragments, first, count, 0);
}

// Sums over the fragments: bus[side][label][count, sum], and the number of range-checked operations. One thread per quantity.
GLOBAL bus_reduce(const u64* __restrict__ part, u64 fragments, u64* bus, u64* u32ops) {
    u64 q = TID;
    if (q > BUS_LABELS * 4) return;
    u64 sum = 0;
    for (u64 f = 0; f < fragments; f++) sum += part[q * fragments + f];
    if (q == BUS_LABELS * 4) { *u32ops += sum; return; }
    u64 label = q >> 2, side = (q >> 1) & 1;
    bus[(side * BUS_LABELS + label) * 2 + (q & 1)] += sum;
}
