"""The builder's operations as step text (see :mod:`parallel.source`): effect on the state and the helper cells of the row.

What the executor computed from memory, advice, hasher and host is taken from the queues here. Names: ``stack[t + i]`` is
item i; ``o`` is the row's place in the tile, ``tile[o + column]`` a cell; ``pend`` collects values whose inverses are
filled in when the tile is complete. Every queue read is checked against the fragment's end of that queue.
"""

from __future__ import annotations

from reference.definition.isa import opcode

_U32_RESULT = "stack[t] = value >> S32\nstack[t + 1] = value & U32_MAX"


def _moves() -> dict[str, str]:
    """DUPn, MOVUPn, MOVDNn and the word swaps."""
    steps = {f"DUP{n}": f"value = stack[t + {n}]\nRIGHT\nstack[t] = value" for n in (*range(8), 9, 11, 13, 15)}
    for n in range(2, 9):
        up = "\n".join(f"stack[t + {i}] = stack[t + {i - 1}]" for i in range(n, 0, -1))
        down = "\n".join(f"stack[t + {i}] = stack[t + {i + 1}]" for i in range(n))
        steps[f"MOVUP{n}"] = f"value = stack[t + {n}]\n{up}\nstack[t] = value"
        steps[f"MOVDN{n}"] = f"value = stack[t]\n{down}\nstack[t + {n}] = value"
    for name, width, distance in (("SWAPW", 4, 4), ("SWAPW2", 4, 8), ("SWAPW3", 4, 12), ("SWAPDW", 8, 8)):
        steps[name] = f"""
for i in range({width}):
    value = stack[t + i]
    stack[t + i] = stack[t + i + {distance}]
    stack[t + i + {distance}] = value
"""
    return steps


def _bitwise(operator: str, is_xor: int) -> str:
    return f"""
if own_rows:
    if n_bitwise >= bitwise_end:
        STOP(9)
    bitwise_rows(out, stride, bitwise_start + 8 * n_bitwise, stack[t + 1], stack[t], {is_xor}, scratch)
n_bitwise += 1
value = stack[t] {operator} stack[t + 1]
LEFT
stack[t] = value
"""


def _inputs(value: str) -> str:
    return f"""
for i in range(12):
    if words[n_permutations * 96 + i] != {value}:
        error = 16
if error:
    break
"""


_HPERM = """
PERMUTATIONS(1)
{inputs}
tile[o + HELPER] = np.uint64(hasher_addr)
if own_rows:
    i = hasher_start + hasher_addr - 1
    permutation_rows(out, stride, i, words, n_permutations, 0, True, True, ZERO, ZERO, scratch)
for i in range(12):
    stack[t + 11 - i] = words[n_permutations * 96 + 84 + i]
n_permutations += 1
hasher_addr += 8
"""

_HORNER = """
READ_WORD(stack[t + 13])
ITEMS
{function}(item, word[0], word[1], folded)
for i in range(4):
    tile[o + HELPER + i] = word[i]
tile[o + HELPER + 4] = folded[0]
tile[o + HELPER + 5] = folded[1]
stack[t + 15] = folded[2]
stack[t + 14] = folded[3]
"""

OPERATION_STEPS: dict[str, str] = {
    **_moves(),
    "NOOP": "pass",
    "ASSERT": "LEFT",
    "SDEPTH": "value = np.uint64(depth)\nRIGHT\nstack[t] = value",
    "CALLER": "for i in range(4):\n    stack[t + i] = fn_hash[3 - i]",
    "CLK": "RIGHT\nstack[t] = np.uint64(clk)",
    "EMIT": "pass",
    "ADD": "value = add(stack[t], stack[t + 1])\nLEFT\nstack[t] = value",
    "NEG": "stack[t] = subtract(ZERO, stack[t])",
    "MUL": "value = multiply(stack[t], stack[t + 1])\nLEFT\nstack[t] = value",
    "INV": "stack[t] = inverse_or_zero(stack[t])",
    "INCR": "stack[t] = add(stack[t], ONE)",
    "NOT": "stack[t] = subtract(ONE, stack[t])",
    "AND": "value = multiply(stack[t], stack[t + 1])\nLEFT\nstack[t] = value",
    "OR": """
value = subtract(add(stack[t], stack[t + 1]), multiply(stack[t], stack[t + 1]))
LEFT
stack[t] = value
""",
    "EQ": """
value = subtract(stack[t], stack[t + 1])
PEND(value, HELPER)
value = ONE if value == ZERO else ZERO
LEFT
stack[t] = value
""",
    "EQZ": "value = stack[t]\nPEND(value, HELPER)\nstack[t] = ONE if value == ZERO else ZERO",
    "EXPACC": """
value = stack[t + 3]
other = stack[t + 1] if value & ONE else ONE
tile[o + HELPER] = other
stack[t] = value & ONE
stack[t + 2] = multiply(stack[t + 2], other)
stack[t + 1] = multiply(stack[t + 1], stack[t + 1])
stack[t + 3] = value >> ONE
""",
    "EXT2MUL": """
value, other = extension_multiply(stack[t + 3], stack[t + 2], stack[t + 1], stack[t])
stack[t + 2] = other
stack[t + 3] = value
""",
    "U32SPLIT": f"value = stack[t]\nLIMBS\nINVERSE_OF_HIGH\nRIGHT\n{_U32_RESULT}",
    "U32ASSERT2": "value = (stack[t] << S32) | stack[t + 1]\nLIMBS",
    "U32ADD": f"value = stack[t] + stack[t + 1]\nLIMBS\n{_U32_RESULT}",
    "U32ADD3": f"value = stack[t] + stack[t + 1] + stack[t + 2]\nLIMBS\nLEFT\n{_U32_RESULT}",
    "U32SUB": """
other = stack[t + 1] - stack[t]
value = other & U32_MAX
LIMBS
stack[t] = other >> S63
stack[t + 1] = value
""",
    "U32MUL": f"value = stack[t] * stack[t + 1]\nLIMBS\nINVERSE_OF_HIGH\n{_U32_RESULT}",
    "U32MADD": f"value = stack[t] * stack[t + 1] + stack[t + 2]\nLIMBS\nINVERSE_OF_HIGH\nLEFT\n{_U32_RESULT}",
    "U32DIV": """
if stack[t] == ZERO:
    STOP(13)
quotient = stack[t + 1] // stack[t]
remainder = stack[t + 1] - quotient * stack[t]
value = (((stack[t] - remainder - ONE) & U32_MAX) << S32) | ((stack[t + 1] - quotient) & U32_MAX)
LIMBS
stack[t] = remainder
stack[t + 1] = quotient
""",
    "U32AND": _bitwise("&", 0),
    "U32XOR": _bitwise("^", 1),
    "PAD": "RIGHT\nstack[t] = ZERO",
    "PUSH": "RIGHT\nstack[t] = immediate[pc]",
    "DROP": "LEFT",
    "SWAP": "value = stack[t]\nstack[t] = stack[t + 1]\nstack[t + 1] = value",
    "CSWAP": """
other = stack[t]
LEFT
if other == ONE:
    value = stack[t]
    stack[t] = stack[t + 1]
    stack[t + 1] = value
""",
    "CSWAPW": """
other = stack[t]
LEFT
if other == ONE:
    for i in range(4):
        value = stack[t + i]
        stack[t + i] = stack[t + i + 4]
        stack[t + i + 4] = value
""",
    "ADVPOP": "TAKE_ADVICE(1)\nRIGHT\nstack[t] = advice[n_advice - 1]",
    "ADVPOPW": "TAKE_ADVICE(4)\nfor i in range(4):\n    stack[t + 3 - i] = advice[n_advice - 4 + i]",
    "MLOAD": """
TAKE_ACCESSES(1)
element = np.int64(stack[t] & np.uint64(3))
IS_ACCESS(1, stack[t], ctx, 1 | (element << 2))
stack[t] = entry.word[element]
""",
    "MSTORE": """
TAKE_ACCESSES(1)
element = np.int64(stack[t] & np.uint64(3))
IS_ACCESS(1, stack[t], ctx, element << 2)
if entry.word[element] != stack[t + 1]:
    STOP(14)
LEFT
""",
    "MLOADW": "READ_WORD(stack[t])\nLEFT\nfor i in range(4):\n    stack[t + i] = word[3 - i]",
    "MSTOREW": """
TAKE_ACCESSES(1)
IS_ACCESS(1, stack[t], ctx, WORD_WRITE)
for i in range(4):
    if entry.word[i] != stack[t + 4 - i]:
        error = 14
if error:
    break
LEFT
""",
    "MSTREAM": """
TAKE_ACCESSES(2)
IS_ACCESS(2, stack[t + 12], ctx, WORD_READ)
IS_ACCESS(1, stack[t + 12] + np.uint64(4), ctx, WORD_READ)
for i in range(4):
    stack[t + i] = accesses[n_accesses - 1].word[3 - i]
    stack[t + 4 + i] = accesses[n_accesses - 2].word[3 - i]
stack[t + 12] = add(stack[t + 12], np.uint64(8))
""",
    "PIPE": """
TAKE_ADVICE(8)
TAKE_ACCESSES(2)
IS_ACCESS(2, stack[t + 12], ctx, WORD_WRITE)
IS_ACCESS(1, stack[t + 12] + np.uint64(4), ctx, WORD_WRITE)
for i in range(8):
    if accesses[n_accesses - 2 + i // 4].word[i % 4] != advice[n_advice - 8 + i]:
        error = 14
    stack[t + 7 - i] = advice[n_advice - 8 + i]
if error:
    break
stack[t + 12] = add(stack[t + 12], np.uint64(8))
""",
    "HPERM": _HPERM.replace("{inputs}", _inputs("stack[t + 11 - i]")),
    "LOGPRECOMPILE": "for i in range(4):\n    tile[o + HELPER + 1 + i] = transcript[i]"
    + _HPERM.replace("{inputs}", _inputs("(transcript[i] if i < 4 else stack[t + 11 - i])"))
    + "for i in range(4):\n    transcript[i] = stack[t + 11 - i]",
    "MPVERIFY": """
if stack[t + 4] > np.uint64(64):
    STOP(13)
levels = np.int64(stack[t + 4])
PERMUTATIONS(levels)
if not is_path(words, n_permutations, levels, stack, t, t + 6, stack[t + 5]):
    STOP(16)
tile[o + HELPER] = np.uint64(hasher_addr)
if own_rows:
    i = hasher_start + hasher_addr - 1
    merkle_rows(out, stride, i, words, n_permutations, levels, MP_VERIFY, stack[t + 5], scratch)
n_permutations += levels
hasher_addr += 8 * levels
""",
    "MRUPDATE": """
if stack[t + 4] > np.uint64(64) or stack[t + 4] == ZERO:
    STOP(13)
levels = np.int64(stack[t + 4])
PERMUTATIONS(2 * levels)
if not is_path(words, n_permutations, levels, stack, t, t + 6, stack[t + 5]):
    STOP(16)
if not is_path(words, n_permutations + levels, levels, stack, t + 10, -1, stack[t + 5]):
    STOP(16)
tile[o + HELPER] = np.uint64(hasher_addr)
if own_rows:
    i = hasher_start + hasher_addr - 1
    merkle_rows(out, stride, i, words, n_permutations, levels, MR_OLD, stack[t + 5], scratch)
    merkle_rows(out, stride, i + 8 * levels, words, n_permutations + levels, levels, MR_NEW, stack[t + 5], scratch)
n_permutations += 2 * levels
hasher_addr += 16 * levels
for i in range(4):
    stack[t + 3 - i] = words[n_permutations * 96 - 8 + i]
""",
    "FRIE2F4": """
ITEMS
if item[9] > np.uint64(3):
    STOP(13)
fri_fold(item, folded)
for i in range(6):
    tile[o + HELPER + i] = folded[16 + i]
LEFT
for i in range(15):
    stack[t + i] = folded[i]
""",
    "HORNERBASE": _HORNER.format(function="horner_base"),
    "HORNEREXT": _HORNER.format(function="horner_extension"),
    "EVALCIRCUIT": """
levels = circuit_rows(stack[t + 1], stack[t + 2])
TAKE_ACCESSES(levels)
for i in range(n_accesses - levels, n_accesses):
    if accesses[i].key >> S32 != np.uint64(ctx) or accesses[i].clk != clk:
        error = 14
if error:
    break
""",
}


def block_step_codes() -> dict[int, str]:
    """Step text of every block operation by opcode."""
    return {opcode(name): text for name, text in OPERATION_STEPS.items()}
