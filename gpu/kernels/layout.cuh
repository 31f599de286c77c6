// Layout of the raw state and the codes of the error word. gpu/raw.py and gpu/errors.py hold the same lists; a test compares.

// What a kernel can find wrong; the low byte of the error word says where (queue or header field).
enum ErrorCode {
    E_BAD_PC = 1, E_NOT_BINARY = 2, E_CONTINUATIONS = 3, E_DEPTH = 4, E_QUEUE_UNDERFLOW = 5, E_QUEUE_LEFTOVER = 6, E_CARRY = 7,
    E_END_RECORD = 8, E_ACCESS = 9, E_TARGET = 10, E_PATH = 11, E_VALUE = 12, E_SCATTER = 13, E_SIDE_EFFECT = 14,
    E_PERMUTATION = 15, E_ENDED_EARLY = 16, E_CIRCUIT = 17, E_FRAME = 18, E_KERNEL_INDEX = 19
};

enum Queue {
    Q_ENDS = 0, Q_POPS = 1, Q_RESTORES = 2, Q_ACCESSES = 3, Q_ADVICE = 4, Q_PERMUTATIONS = 5, Q_TARGETS = 6, Q_BITWISE = 7,
    Q_HASHER = 8, Q_CIRCUITS = 9, Q_CONTINUATIONS = 10
};

// Header of a fragment, array [field][fragment + 1]: entry f is the state entering fragment f, entry F the state after the last.
enum HeaderField {
    H_PC, H_CLK, H_CTX, H_CUR, H_PAR, H_DEPTH, H_OVERFLOW, H_HASHER, H_ENDS, H_POPS, H_RESTORES, H_ACCESSES, H_ADVICE,
    H_PERMUTATIONS, H_TARGETS, H_BITWISE, H_CIRCUITS, H_ACE_ROWS, H_CONTINUATIONS, H_CONTINUATION_COUNT, H_COUNT
};
// 64-bit words of a header, same shape: 16 stack items, 4 of the function hash, 4 of the transcript state.
enum HeaderWord { W_STACK = 0, W_FN = 16, W_TRANSCRIPT = 20, W_COUNT = 24 };

// Details of E_CARRY beyond the header fields.
#define CARRY_WORD 64
#define CARRY_CONTINUATION 128

// The columns that a replay is wanted for.
enum ReplayMask { M_STACK = 1, M_SYSTEM = 2, M_DECODER = 4 };

#define HALTED 0xFFFFFFFFu          // pc after the last row of the program
#define NO_TARGET 0xFFFFFFFFu
#define ENTER_FOREST_PC 1u          // the continuation that leads back to a forest; it has no row
#define RECORDED 0x80000000u        // in psrc: a recorded permutation, not one of the program's nodes
#define U32_LIMIT 0xFFFFFFFFULL
#define FRAME_POINTER_KEY 0xFFFFFFFCULL  // word of address 2^32 - 2
#define FRAME_POINTER_START 0x80000000ULL

// Flags of an ended node.
#define F_LOOP_BODY 1u
#define F_LOOP 2u
#define F_ENTERED 4u
#define F_CALL 8u
#define F_SYSCALL 16u

// Kinds of memory accesses.
#define A_READ 1u
#define A_WORD 2u

// Static row: what moves on the stack is data, only new values are code.
#define S_MOTION(e) ((e) & 3u)              // 0 none, 1 right, 2 left
#define S_LIMIT(e) (((e) >> 2) & 15u)       // last position that the motion touches
#define S_SOURCE(e) (((e) >> 6) & 15u)      // right: the item that comes to the top
#define S_DEPTH 0x400u                      // the depth changes with the motion
#define S_IMMEDIATE 0x800u                  // right: the immediate comes to the top
#define S_STEP(e) (((e) >> 12) & 127u)
#define S_SET0 0x80000u
#define S_SET1 0x100000u
#define S_ENTRY 0x200000u                   // first row of a node that DYN can find
#define S_ROWLESS 0x400000u                 // has no row in the trace: forest changes

enum Step {
    T_MOVE, T_ASSERT, T_SDEPTH, T_CALLER, T_CLK, T_ADD, T_NEG, T_MUL, T_INV, T_INCR, T_NOT, T_AND, T_OR, T_EQ, T_EQZ, T_EXPACC,
    T_EXT2MUL, T_U32SPLIT, T_U32ASSERT2, T_U32ADD, T_U32ADD3, T_U32SUB, T_U32MUL, T_U32MADD, T_U32DIV, T_U32AND, T_U32XOR,
    T_CSWAP, T_CSWAPW, T_SWAPW, T_SWAPW2, T_SWAPW3, T_SWAPDW, T_ADVPOP, T_ADVPOPW, T_MLOAD, T_MSTORE, T_MLOADW, T_MSTOREW,
    T_MSTREAM, T_PIPE, T_HPERM, T_LOGPRECOMPILE, T_MPVERIFY, T_MRUPDATE, T_FRIE2F4, T_HORNERBASE, T_HORNEREXT, T_EVALCIRCUIT,
    T_JOIN, T_SPLIT, T_LOOP, T_REPEAT, T_CALL, T_SYSCALL, T_DYN, T_DYNCALL, T_SPAN, T_RESPAN, T_END, T_END_LOOP, T_END_CALL,
    T_END_SYSCALL, T_EXTERNAL, T_BAD, T_COUNT
};

// Control word of a static row, for the decoder columns.
#define C_OPCODE(c) ((c) & 127u)
#define C_IN_SPAN(c) (((c) >> 7) & 1u)
#define C_FLAGS(c) (((c) >> 8) & 7u)
#define C_OP_INDEX(c) (((c) >> 11) & 15u)
#define C_HELPER(c) (((c) >> 15) & 15u)

// How the helper cells of a row come from its aux word.
enum HelperKind {
    HELPER_NONE,            // as in the static row
    HELPER_VALUE,           // h2 = aux
    HELPER_LIMBS,           // h2..h5 = four limbs of aux
    HELPER_LIMBS_INVERSE,   // and h6 = inverse of 2^32 - 1 - (aux >> 32)
    HELPER_INVERSE,         // h2 = inverse of aux
    HELPER_END,             // h4..h7 from the flags of the ended node
    HELPER_OWN,             // h2..h7 were written by the replay
    HELPER_ALL              // h0..h7 were written by the replay
};
