"""Every failure fails, with the error it names, wherever it is placed."""

from __future__ import annotations

import pytest
from ran_cases import run

from harness.generate import FAILURES, Profile, generate_case

VARIANTS = {
    "AceChipError",
    "AdviceError.InvalidMerkleTreeNodeIndex",
    "AdviceError.MapKeyAlreadyPresent",
    "AdviceError.MapKeyNotFound",
    "AdviceError.MerkleStoreLookupFailed.NodeIndexNotFoundInStore.Word",
    "AdviceError.MerkleStoreLookupFailed.RootNotInStore.Word",
    "AdviceError.MerkleStoreUpdateFailed.NodeIndexNotFoundInStore.Word",
    "AdviceError.MerkleStoreUpdateFailed.RootNotInStore.Word",
    "AdviceError.StackReadFailed",
    "CircularExternalNode.Word",
    "DivideByZero",
    "DynamicNodeNotFound",
    "EmptyMerklePath",
    "EventError",
    "FailedAssertion",
    "InvalidFriDomainSegment",
    "InvalidFriLayerFolding.QuadExtension",
    "InvalidStackDepthOnReturn",
    "LogArgumentZero",
    "MemoryError.AddressOutOfBounds",
    "MemoryError.InvalidMemoryRange",
    "MemoryError.UnalignedWordAccess",
    "MerklePathVerificationFailed",
    "NoMastForestWithProcedure",
    "NotBinaryValueIf",
    "NotBinaryValueLoop",
    "NotBinaryValueOp",
    "NotU32Values",
    "OutputStackOverflow",
    "SyscallTargetNotInKernel",
}
"""The variants that programs of the recorded set provoke; the real VM has others that no case can reach."""


def test_there_is_a_failure_for_every_reachable_variant():
    assert {failure.error for failure in FAILURES} == VARIANTS


def test_failures_have_names_of_their_own():
    assert len({failure.name for failure in FAILURES}) == len(FAILURES)


@pytest.mark.parametrize("name", [failure.name for failure in FAILURES])
def test_the_program_fails_as_intended(name):
    profile = Profile(failing_rate=1.0, failures=(name,), max_rows=80)
    for number in range(3):
        ran = run(generate_case(7, number, profile))
        assert ran.generated.intended != "completes"
        assert ran.ended == ran.generated.intended


def test_an_unknown_failure_is_refused():
    with pytest.raises(ValueError, match="there is no failure nonsense"):
        generate_case(1, 1, Profile(failing_rate=1.0, failures=("nonsense",)))
