"""All passes by name, in the order in which a search goes through them."""

from __future__ import annotations

from harness.shrink.cuts import CUT_PASSES
from harness.shrink.inline import INLINE_PASSES
from harness.shrink.inputs import INPUT_PASSES
from harness.shrink.operations import OPERATION_PASSES
from harness.shrink.proposals import Pass
from harness.shrink.rebuilds import REBUILD_PASSES
from harness.shrink.resume import RESUME_PASSES
from harness.shrink.templates import TEMPLATE_PASSES
from harness.shrink.tree import TREE_PASSES
from harness.shrink.unroll import UNROLL_PASSES
from harness.shrink.walks import WALK_PASSES

PROGRAM_PASSES: tuple[tuple[str, Pass], ...] = (
    *TEMPLATE_PASSES,
    *RESUME_PASSES,
    *TREE_PASSES,
    *INLINE_PASSES,
    *OPERATION_PASSES,
    *INPUT_PASSES,
    *UNROLL_PASSES,
)
"""The boldest first."""

OPTION_PASSES: tuple[tuple[str, Pass], ...] = (*WALK_PASSES, *REBUILD_PASSES)

PASSES: tuple[tuple[str, Pass], ...] = (*OPTION_PASSES, *CUT_PASSES, *PROGRAM_PASSES)
