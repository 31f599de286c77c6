"""Proofs of recorded traces commit to these traces and open them: recomputed in plain NumPy, with all five hash functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from golden_traces import DATA, fragment_boundary_traces

from harness.audit.commitment.blake3 import blake3
from harness.audit.commitment.check import Finding, check_proof, committed_form
from harness.audit.commitment.domain import extend, interpolate, powers, root_of_unity, transform
from harness.audit.commitment.extension import evaluate, multiply
from harness.audit.commitment.field_arrays import add, power, product_with_matrix, subtract
from harness.audit.commitment.field_arrays import multiply as multiply_arrays
from harness.audit.commitment.hashing import HASHES, elements_of, hash_of_elements
from harness.audit.commitment.permutations import poseidon2, rpo, rpx
from harness.audit.commitment.proof import BadProof, Proof, read_proof
from harness.audit.commitment.transcript import challenges_of, context_elements, public_elements
from harness.audit.commitment.tree import BadOpening, Tree, root_of_opening
from harness.audit.known import Known
from reference.definition.field import P
from reference.definition.rpo import permute

HASH_VECTORS: dict[str, Any] = json.loads((DATA / "proofs" / "hashes.json").read_text())
VECTORS: dict[str, dict[str, Any]] = {
    vector["file"]: vector for vector in json.loads((DATA / "proofs" / "vectors.json").read_text())["proofs"]
}
RPO_PROOFS = ("proof_case13_rpo_rec128.bin", "proof_case13_rpo_rec96.bin", "proof_case24_rpo_rec96.bin")
QUICK = (
    "proof_case13_b192_reg96.bin",
    "proof_case20_b192_reg96.bin",
    "proof_case13_b256_reg128.bin",
    "proof_case13_p2_rec96.bin",
    "proof_case13_rpx_rec96.bin",
    "proof_case13_rpo_rec96.bin",
)
SLOW = tuple(sorted({*VECTORS, *RPO_PROOFS} - set(QUICK)))
EDGES = (0, 1, 2, 2**32 - 1, 2**32, 2**63, P - 2**32, P - 1)


@cache
def bytes_of(file: str) -> bytes:
    return (DATA / ("commitment" if file in RPO_PROOFS else "proofs") / file).read_bytes()


def trace_and_public(file: str) -> tuple[np.ndarray, tuple[int, ...]]:
    number = int(file.removeprefix("proof_case").partition("_")[0])
    trace = next(trace for trace in fragment_boundary_traces() if trace.name == f"case_{number:02d}")
    outputs = tuple(int(value) for value in trace.cells[30:46, -2])
    return committed_form(trace.cells), public_elements(replace(trace.known, stack_outputs=outputs))


def findings_of(file: str) -> tuple[Finding, ...]:
    return check_proof(read_proof(bytes_of(file)), *trace_and_public(file))


# ---- the witness -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [*QUICK, *(pytest.param(file, marks=pytest.mark.slow) for file in SLOW)])
def test_a_proof_commits_to_its_trace_and_opens_it(file: str) -> None:
    findings = findings_of(file)
    assert [finding.name for finding in findings if finding.wrong] == []
    assert len(findings) == 7


@pytest.mark.parametrize("file", VECTORS)
def test_public_inputs_and_context_are_those_of_the_prover(file: str) -> None:
    vector = VECTORS[file]
    assert list(trace_and_public(file)[1]) == vector["public_input_elements"]
    assert list(context_elements(read_proof(bytes_of(file)))) == vector["context_elements"]


@pytest.mark.parametrize("file", [file for file in VECTORS if "_b" in file])
def test_the_transcript_draws_what_the_prover_drew(file: str) -> None:
    vector = VECTORS[file]
    challenges = challenges_of(read_proof(bytes_of(file)), vector["public_input_elements"])
    assert list(challenges.point) == vector["z"]
    assert list(challenges.positions) == vector["query_positions"]
    assert challenges.grinding == vector["pow_trailing_zeros"]


@pytest.mark.parametrize("file", VECTORS)
def test_the_proof_s_parts_are_where_they_are_read(file: str) -> None:
    vector, proof = VECTORS[file], read_proof(bytes_of(file))
    assert proof.function.name == vector["hash"]
    assert (proof.trace_length, proof.options.extension) == (vector["trace_length"], vector["extension_degree"])
    assert proof.nonce == vector["pow_nonce"]
    columns = (0, 1, 30, 49, 71)
    values = vector["ood_main_at_z_cols_0_1_30_49_71"], vector["ood_main_at_zg_cols_0_1_30_49_71"]
    assert tuple([list(proof.trace_values[start + c]) for c in columns] for start in (0, 80)) == values


def test_the_extension_s_rows_are_those_of_the_prover() -> None:
    vector = VECTORS["proof_case20_b192_reg96.bin"]
    rows = extend(interpolate(trace_and_public(vector["file"])[0]), 8).T
    for expected in vector["lde_rows"]:
        row = rows[expected["row"]]
        assert row[:6].tolist() == expected["cols_0_to_5"]
        assert row[66:].tolist() == expected["cols_66_to_71"]
        digest = HASHES[0].of_rows(np.ascontiguousarray(row[np.newaxis]))
        assert digest.tobytes().hex() == expected["leaf"]


# ---- what is wrong is told ---------------------------------------------------------------------------------------------

FILE = "proof_case13_b192_reg96.bin"


def wrong_names(proof: Proof, cells: np.ndarray, public: tuple[int, ...]) -> set[str]:
    return {finding.name for finding in check_proof(proof, cells, public) if finding.wrong}


def test_another_cell_is_another_commitment() -> None:
    cells, public = trace_and_public(FILE)
    cells[17, 40] = (int(cells[17, 40]) + 1) % P
    wrong = wrong_names(read_proof(bytes_of(FILE)), cells, public)
    assert wrong == {"root of the extended trace", "opened rows", "batch proof", "out-of-domain values"}


def test_the_random_pad_cell_is_not_what_is_proved() -> None:
    cells, public = trace_and_public(FILE)
    cells[71, -1] = 5
    assert "root of the extended trace" in wrong_names(read_proof(bytes_of(FILE)), cells, public)


def test_other_public_inputs_draw_other_rows() -> None:
    cells, public = trace_and_public(FILE)
    wrong = wrong_names(read_proof(bytes_of(FILE)), cells, (*public[:-1], 1))
    assert {"opened rows", "opened rows lead to the root", "out-of-domain values"} <= wrong


def with_root(proof: Proof) -> Proof:
    return replace(proof, commitments=(bytes(24), *proof.commitments[1:]))


def with_row(proof: Proof) -> Proof:
    opened = proof.opened.copy()
    opened[3, 5] = (int(opened[3, 5]) + 1) % P
    return replace(proof, opened=opened)


def with_sibling(proof: Proof) -> Proof:
    lists = list(proof.opening)
    lists[0] = (bytes(24), *lists[0][1:])
    return replace(proof, opening=tuple(lists))


def with_longer_list(proof: Proof) -> Proof:
    return replace(proof, opening=((*proof.opening[0], bytes(24)), *proof.opening[1:]))


def with_fewer_rows(proof: Proof) -> Proof:
    return replace(proof, opened=proof.opened[:-1])


def with_value(proof: Proof) -> Proof:
    values = list(proof.trace_values)
    values[90] = (values[90][0], (values[90][1] + 1) % P)
    return replace(proof, trace_values=tuple(values))


def with_nonce(proof: Proof) -> Proof:
    return replace(proof, nonce=proof.nonce + 1)


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        (with_root, "root of the extended trace"),
        (with_row, "opened rows"),
        (with_row, "opened rows lead to the root"),
        (with_sibling, "opened rows lead to the root"),
        (with_sibling, "batch proof"),
        (with_longer_list, "opened rows lead to the root"),
        (with_fewer_rows, "opened rows"),
        (with_value, "out-of-domain values"),
        (with_nonce, "grinding"),
    ],
)
def test_a_changed_proof_is_noticed(change: Callable[[Proof], Proof], noticed: str) -> None:
    cells, public = trace_and_public(FILE)
    assert noticed in wrong_names(change(read_proof(bytes_of(FILE))), cells, public)


def test_a_proof_of_another_length_is_not_compared() -> None:
    cells, public = trace_and_public("proof_case20_b192_reg96.bin")
    (finding,) = check_proof(read_proof(bytes_of(FILE)), cells, public)
    assert finding == Finding("shape", "the proof is of 72 columns of 64 rows in 1 parts")


def test_a_trace_that_is_none_is_refused() -> None:
    proof = read_proof(bytes_of(FILE))
    with pytest.raises(ValueError, match="72 columns"):
        check_proof(proof, np.zeros((71, 64), dtype=np.uint64), ())
    with pytest.raises(ValueError, match="canonical"):
        check_proof(proof, np.full((72, 64), 2**64 - 1, dtype=np.uint64), ())
    with pytest.raises(ValueError, match="at most 4096"):
        check_proof(proof, np.zeros((72, 8192), dtype=np.uint64), ())


def test_public_inputs_need_what_is_public() -> None:
    with pytest.raises(ValueError, match="must be known"):
        public_elements(Known())


# ---- reading -----------------------------------------------------------------------------------------------------------


def test_a_proof_cut_short_anywhere_is_refused() -> None:
    data = bytes_of(FILE)
    for end in (*range(200), *range(200, len(data), 997), len(data) - 1):
        with pytest.raises(BadProof):
            read_proof(data[:end])


def test_a_proof_with_bytes_left_over_is_refused() -> None:
    with pytest.raises(BadProof, match="the end"):
        read_proof(bytes_of(FILE) + b"\0")


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (15, 0, "expected a query"),
        (16, 3, "bits in the blowup factor is 2"),
        (18, 4, "expected a known extension degree"),
        (0, 71, "the number of opened cells"),
        (1, 7, "out-of-domain trace values"),
    ],
)
def test_impossible_options_are_refused(at: int, value: int, reason: str) -> None:
    wrong = bytearray(bytes_of(FILE))
    wrong[at] = value
    with pytest.raises(BadProof, match=reason):
        read_proof(bytes(wrong))


def test_wrong_bytes_are_refused_or_read_and_never_anything_else() -> None:
    data = bytes_of(FILE)
    random = np.random.default_rng(3)
    read = refused = 0
    for _ in range(2000):
        wrong = bytearray(data)
        at = int(random.integers(len(data) if random.integers(2) else 120))
        wrong[at] ^= 1 << int(random.integers(8))
        try:
            read_proof(bytes(wrong))
            read += 1
        except BadProof:
            refused += 1
    assert min(read, refused) > 100


# ---- hash functions ----------------------------------------------------------------------------------------------------


def test_permutations_are_those_of_the_vectors_and_of_the_definition() -> None:
    states = np.arange(12, dtype=np.uint64)[:, np.newaxis]
    for permutation, name in ((rpx, "rpx"), (poseidon2, "poseidon2")):
        assert permutation(states)[:, 0].tolist() == HASH_VECTORS["permutation_of_0_to_11"][name]
    random = np.random.default_rng(5).integers(P, size=(12, 3), dtype=np.uint64)
    for column in range(3):
        assert tuple(rpo(random)[:, column].tolist()) == permute(tuple(int(v) for v in random[:, column]))


@pytest.mark.parametrize("count", [1, 8, 9, 72])
@pytest.mark.parametrize("function", HASHES, ids=lambda function: function.name)
def test_hashes_of_elements(function: Any, count: int) -> None:
    digest = hash_of_elements(function, np.arange(count, dtype=np.uint64))
    expected = HASH_VECTORS["hash_elements_of_0_to_k_minus_1"][str(count)][function.name.replace("-", "_")]
    shown = (
        digest.hex()
        if isinstance(expected, str)
        else elements_of(np.frombuffer(digest, np.uint8)[np.newaxis])[0].tolist()
    )
    assert shown == expected


@pytest.mark.parametrize("name", ["rpo", "rpx", "poseidon2"])
def test_merges_of_words(name: str) -> None:
    function = next(function for function in HASHES if function.name == name)
    words = np.arange(8, dtype="<u8").view(np.uint8).reshape(2, 32)
    assert (
        elements_of(function.merge(words[:1], words[1:]))[0].tolist() == HASH_VECTORS["merge_of_words_0123_4567"][name]
    )


def test_a_digest_is_merged_with_a_number() -> None:
    function = HASHES[4]
    digest = function.merge_integer(np.arange(4, dtype="<u8").tobytes(), 7)
    expected = HASH_VECTORS["merge_with_int_word_0123_value_7"]["poseidon2"]
    assert np.frombuffer(digest, "<u8").tolist() == expected


@pytest.mark.parametrize(
    ("length", "digest"),
    [
        # The function's published test vectors: byte i of the message is i modulo 251.
        (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
        (1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"),
        (1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"),
        (2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"),
        (3072, "b98cb0ff3623be03326b373de6b9095218513e64f1ee2edd2525c7ad1e5cffd2"),
    ],
)
def test_blake3_of_published_vectors(length: int, digest: str) -> None:
    message = (np.arange(length) % 251).astype(np.uint8)
    assert blake3(np.stack([message, message]))[1].tobytes().hex() == digest


# ---- arithmetic --------------------------------------------------------------------------------------------------------


def test_array_arithmetic_is_that_of_integers() -> None:
    random = np.random.default_rng(1).integers(P, size=500, dtype=np.uint64)
    values = np.concatenate([np.array(EDGES, dtype=np.uint64), random])
    a, b = (array.reshape(-1) for array in np.meshgrid(values[:80], values[:80]))
    pairs = list(zip(a.tolist(), b.tolist(), strict=True))
    assert add(a, b).tolist() == [(x + y) % P for x, y in pairs]
    assert subtract(a, b).tolist() == [(x - y) % P for x, y in pairs]
    assert multiply_arrays(a, b).tolist() == [x * y % P for x, y in pairs]
    assert power(values, 7).tolist() == [pow(x, 7, P) for x in values.tolist()]


def test_a_matrix_is_multiplied_without_overflow() -> None:
    matrix = np.full((2, 12), 2**5, dtype=np.uint64)
    columns = np.full((12, 3), P - 1, dtype=np.uint64)
    assert product_with_matrix(matrix, columns).tolist() == [[12 * 2**5 * (P - 1) % P] * 3] * 2


def test_roots_of_unity_are_those_of_the_page() -> None:
    assert [root_of_unity(2**k) for k in (1, 2, 3, 6, 10, 20)] == [
        *(P - 1, 2**48, 2**24, 8),
        *(4255134452441852017, 1971462654193939361),
    ]


@pytest.mark.parametrize("size", [1, 2, 8, 64])
def test_the_transform_evaluates(size: int) -> None:
    coefficients = np.random.default_rng(2).integers(P, size=(3, size), dtype=np.uint64)
    root = root_of_unity(size)
    values = transform(coefficients, root)
    for at in range(size):
        for row in range(3):
            (expected,) = evaluate(coefficients[row].tolist(), (pow(root, at, P),))
            assert int(values[row, at]) == expected


def test_interpolated_columns_have_their_values_and_extended_ones_are_on_the_coset() -> None:
    columns = np.random.default_rng(4).integers(P, size=(2, 16), dtype=np.uint64)
    coefficients = interpolate(columns)
    assert (transform(coefficients, root_of_unity(16)) == columns).all()
    values = extend(coefficients, 4)
    for at in (0, 1, 17, 63):
        point = 7 * pow(root_of_unity(64), at, P) % P
        assert int(values[1, at]) == evaluate(coefficients[1].tolist(), (point,))[0]
    assert powers(3, 4).tolist() == [1, 3, 9, 27]


def test_extensions_multiply_as_their_polynomials_say() -> None:
    assert multiply((0, 1), (0, 1)) == (P - 2, 1)
    assert multiply((0, 0, 1), (0, 0, 1)) == (0, 1, 1)
    assert multiply((0, 1, 0), (0, 0, 1)) == (1, 1, 0)
    assert multiply((5,), (P - 1,)) == (P - 5,)


# ---- trees -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_every_set_of_positions_opens_to_the_root(depth: int) -> None:
    random = np.random.default_rng(depth)
    leaves = random.integers(256, size=(2**depth, 24)).astype(np.uint8)
    tree = Tree.over(leaves, HASHES[0])
    for _ in range(60):
        count = int(random.integers(1, 2**depth + 1))
        positions = sorted(random.choice(2**depth, count, replace=False).tolist())
        opened = {at: leaves[at].tobytes() for at in positions}
        proof = tree.opening(positions)
        assert root_of_opening(opened, proof, depth, HASHES[0]) == tree.root
        if proof[0]:
            with pytest.raises(BadOpening, match="too short"):
                root_of_opening(opened, (proof[0][:-1], *proof[1:]), depth, HASHES[0])
        with pytest.raises(BadOpening, match="too long"):
            root_of_opening(opened, ((*proof[0], bytes(24)), *proof[1:]), depth, HASHES[0])
        with pytest.raises(BadOpening, match="pairs"):
            root_of_opening(opened, (*proof, ()), depth, HASHES[0])
