"""Planting puts wrong text beside the right one, and with no fault on nothing is changed: checked on the real kernels."""

import ast
import subprocess
import sys

import pytest

from harness.faults.catalogue import KERNEL_FAULTS
from harness.faults.kernels import NUMBERS, planted_text
from harness.faults.planting import Change, NoSuchPlace, Numbered, plant
from harness.faults.units import EXECUTOR_LOOP, FRAGMENT_TASKS, UNIT, UNITS
from parallel.executor_source import executor_text
from parallel.fragment_source import fragment_text

TEXT = """
def step(code, a):
    if code == 1:
        a += 1
        for i in range(3):
            a += i
            a -= 1
    elif code == 2:
        a += 1
    return a
""".lstrip()

SWITCHES = {"fault", "trusting", "self.fault", "self.trusting"}


def run(text, fault, code, a):
    namespace = {"fault": fault}
    exec(text, namespace)
    return namespace["step"](code, a)


def planted(*changes, **options):
    return plant(TEXT, [Numbered(number, change) for number, change in enumerate(changes, start=1)], **options)


def test_the_wrong_lines_run_for_their_fault_only():
    text = planted(Change("unit", "a += 1", "a += 100"))
    assert [run(text, fault, 2, 5) for fault in (0, 1, 2)] == [6, 105, 6]
    assert [run(text, fault, 1, 5) for fault in (0, 1)] == [6, 105]


def test_a_change_within_a_step_leaves_the_others_alone():
    text = planted(Change("unit", "a += 1", "a += 100", ("second",)), codes={"second": 2})
    assert [run(text, 1, code, 5) for code in (1, 2)] == [6, 105]


def test_nothing_instead_of_the_right_lines():
    text = planted(Change("unit", "a += 1", ""))
    assert [run(text, fault, 2, 5) for fault in (0, 1)] == [6, 5]


def test_several_faults_share_a_place():
    text = planted(Change("unit", "a += 1", "a += 100"), Change("unit", "a += 1", "a += 200"))
    assert [run(text, fault, 2, 5) for fault in (0, 1, 2, 3)] == [6, 105, 205, 6]


def test_a_place_may_lie_inside_another():
    block = "for i in range(3):\n    a += i\n    a -= 1"
    text = planted(Change("unit", block, "a = 0"), Change("unit", "a -= 1", "a -= 10"))
    assert [run(text, fault, 1, 5) for fault in (0, 1, 2)] == [6, 0, -21]


def test_a_line_that_opens_a_block_is_changed_in_its_condition():
    text = planted(Change("unit", "elif code == 2:", "elif code == 3:"))
    assert [run(text, fault, code, 5) for fault, code in ((0, 2), (1, 2), (0, 3), (1, 3))] == [6, 5, 5, 6]


def test_macros_stand_on_both_sides():
    text = planted(Change("unit", "GROW", "GROW\nGROW"), macros={"GROW": "a += 1"})
    assert [run(text, fault, 2, 5) for fault in (0, 1)] == [6, 7]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([Change("unit", "a += 2", "a += 3")], "there is no 'a \\+= 2'"),
        ([Change("unit", "a += 1", "", ("third",))], "there is no step of third"),
        ([Change("unit", "for i in range(3):\n    a += i", "")], "'a -= 1' belongs to"),
        ([Change("unit", "a += i\na -= 1", ""), Change("unit", "a += 1\nfor i in range(3):\n    a += i\n    a -= 1", ""),
          Change("unit", "elif code == 2:", "return")], "does not open a block"),
    ],
)  # fmt: skip
def test_a_change_that_does_not_fit_is_refused(changes, reason):
    with pytest.raises(NoSuchPlace, match=reason):
        planted(*changes, codes={"third": 3})


def test_two_places_that_overlap_are_refused():
    text = "a = 1\nb = 2\nc = 3\n"
    changes = [Numbered(1, Change("unit", "a = 1\nb = 2", "")), Numbered(2, Change("unit", "b = 2\nc = 3", ""))]
    with pytest.raises(NoSuchPlace, match="share some lines only"):
        plant(text, changes)


def test_every_fault_in_text_has_a_number_of_its_own():
    assert sorted(NUMBERS.values()) == list(range(1, len(KERNEL_FAULTS) + 1))


# ---- with no fault on, the planted text is the engine's own ---------------------------------------------------------


class WithoutFaults(ast.NodeTransformer):
    """Takes the branch of no fault and leaves the switches out."""

    def _is_switch(self, node):
        return ast.unparse(node) in SWITCHES

    def _asks_for_fault(self, test):
        return isinstance(test, ast.Compare) and self._is_switch(test.left) and isinstance(test.ops[0], ast.Eq)

    def visit_If(self, node):
        self.generic_visit(node)
        if self._asks_for_fault(node.test):
            return node.orelse
        if isinstance(node.test, ast.Name) and node.test.id in SWITCHES:
            return node.orelse
        return node

    def visit_IfExp(self, node):
        self.generic_visit(node)
        return node.orelse if self._asks_for_fault(node.test) else node

    def visit_BoolOp(self, node):
        self.generic_visit(node)
        doubted = isinstance(node.op, ast.And) and ast.unparse(node.values[0]) == "not trusting"
        return node.values[1] if doubted else node

    def visit_Call(self, node):
        self.generic_visit(node)
        node.args = [argument for argument in node.args if not self._is_switch(argument)]
        return node

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.args.args = [argument for argument in node.args.args if argument.arg not in SWITCHES]
        return node

    def visit_ImportFrom(self, node):
        return None


def healthy_dump(text):
    tree = ast.fix_missing_locations(WithoutFaults().visit(ast.parse(text)))
    return ast.dump(tree)


GENERATED = {EXECUTOR_LOOP: executor_text, FRAGMENT_TASKS: fragment_text}


@pytest.mark.parametrize("unit", [unit.name for unit in UNITS if not unit.edits or unit.name == FRAGMENT_TASKS])
def test_with_no_fault_on_the_planted_text_is_the_engines_own(unit):
    own = GENERATED[unit]() if unit in GENERATED else UNIT[unit].text()
    text = planted_text(unit, own)
    assert "fault" in text
    assert "fault" not in own
    # The flags of a node's END are read before any END has run by one of the faults.
    assert healthy_dump(text.replace("    flags = 0\n", "")) == healthy_dump(own)


def texts_digest(prelude):
    script = f"""
import hashlib
{prelude}
from parallel.executor_source import executor_text
from parallel.fragment_source import fragment_text
from parallel.executor import load_executor
from parallel.fragments import _tasks
texts = [executor_text(), fragment_text()]
for module in (load_executor().py_func.__module__, _tasks().__name__):
    import sys
    texts.append(open(sys.modules[module].__file__).read())
print(hashlib.sha256("".join(texts).encode()).hexdigest())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_engines_own_kernels_are_the_same_with_faults_in_the_process():
    with_faults = """
from harness.faults import FaultyEngine, engine
FaultyEngine().prepare(print)
engine("u32add-carry-limbs").prepare(print)
"""
    assert texts_digest(with_faults).splitlines()[-1] == texts_digest("")
