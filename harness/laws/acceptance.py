"""What an engine accepts, learnt by asking: a tiny program for each operation, each kind of node, each kind of input.

A program that is refused has not been judged, and one that only fails has no trace to judge; so a campaign leaves out what is
refused, and what fails here although the reference completes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from harness.backend import Availability, Completed
from harness.backends.exec import one_line
from harness.generate import SMALL, generate_case
from harness.laws.build import Refused, Status, Subject
from harness.laws.naming import BY_DIGEST, Naming, has_bare_digests, needs_names
from harness.laws.plans import WHOLE
from harness.laws.record_subject import RecordSubject
from harness.shrink.edits import forests_of
from reference.definition.case import Advice, Case
from reference.definition.errors import InputError
from reference.definition.field import as_word
from reference.definition.formats.children_first import children_first
from reference.definition.isa import BLOCK_OPERATIONS, BY_OPCODE, Operation, opcode
from reference.definition.mast import (
    NODE_KIND,
    Block,
    Call,
    Dyn,
    Dyncall,
    External,
    Forest,
    Join,
    Loop,
    Node,
    Split,
    Syscall,
)
from reference.definition.program import Kernel, Program
from reference.processor import execute

_ADDRESS: Final = 40
_SMALL_PROGRAMS: Final = 250
_ONE_OPERATION: Final = replace(SMALL, families=("one_operation",), failing_rate=0.0)
_MERKLE: Final = frozenset({"MPVERIFY", "MRUPDATE"})


class Answer(NamedTuple):
    """How the engine took a probe."""

    refused: str | None
    """Why, when it did."""
    completed: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an engine takes."""

    engine: str
    refused: Mapping[str, str] = field(default_factory=dict)
    """Operations, nodes and inputs that it refuses, with its reason."""
    failing: frozenset[str] = frozenset()
    """Nodes whose probe is taken, and fails."""
    unlikely: frozenset[str] = frozenset()
    """Operations of which every small program failed that the reference completes: they mean something else here."""
    naming: Naming = BY_DIGEST
    same_hash: bool = True
    """Digests are those of this project's hash."""

    def why_not(self, case: Case) -> str | None:
        """What of the case the engine does not take; None when it takes all of it, as far as that is known."""
        for need in sorted(needs_of(case)):
            if need in self.refused:
                return f"{need} is refused"
            if need in self.failing:
                return f"{need} fails"
        if not self.same_hash:
            if has_bare_digests(case):
                return "an external node is given by digest"
            if needs_names(case) and not self.naming.names:
                return "a procedure is found by digest"
            if any(need in _MERKLE for need in needs_of(case)) or case.advice.store:
                return "Merkle trees have another hash"
        return None

    def why_unlikely(self, case: Case) -> str | None:
        """What of the case failed in every probe; None when nothing of it did."""
        found = sorted(needs_of(case) & self.unlikely)
        return f"{found[0]} failed in every probe" if found else None

    def as_json(self) -> dict[str, Any]:
        """As :func:`read_accepted` reads it."""
        return {
            "engine": self.engine,
            "refused": dict(self.refused),
            "failing": sorted(self.failing),
            "unlikely": sorted(self.unlikely),
            "names": self.naming.names,
            "turned": self.naming.turned,
            "same_hash": self.same_hash,
        }

    def lines(self) -> list[str]:
        """For a person: what is left out and why."""
        lines = [f"{name}: {reason}" for name, reason in sorted(self.refused.items())]
        lines += [f"{name}: its probe fails" for name in sorted(self.failing)]
        if self.unlikely:
            lines.append(f"mean something else here: {', '.join(sorted(self.unlikely))}")
        if not self.same_hash:
            how = "names are understood" if self.naming.names else "procedures found by digest are left out"
            lines.append(f"another hash: {how}")
        return lines


def read_accepted(document: Mapping[str, Any]) -> Accepted:
    """What :meth:`Accepted.as_json` gave; InputError for anything else."""
    try:
        return Accepted(
            document["engine"],
            dict(document["refused"]),
            frozenset(document["failing"]),
            frozenset(document["unlikely"]),
            Naming(document["names"], document["turned"]),
            document["same_hash"],
        )
    except (KeyError, TypeError, ValueError) as error:
        reason = f"what the campaign has learnt cannot be read: {error!r}; begin anew with --fresh"
        raise InputError(reason, place="accepted") from None


def needs_of(case: Case) -> set[str]:
    """Everything a case asks an engine to take, by the names of the probes."""
    found: set[str] = set()
    for forest in forests_of(case):
        for node in forest.nodes:
            found.add(NODE_KIND[type(node)])
            if isinstance(node, Block):
                found |= {BY_OPCODE[item.code].name for item in node.operations}
        if forest.advice_map:
            found.add("advice_map")
    advice = case.advice
    parts = {"advice.stack": advice.stack, "advice.map": advice.map, "advice.store": advice.store}
    return found | {name for name, part in parts.items() if part}


# ---- learning -------------------------------------------------------------------------------------------------------


def learn(subject: Subject) -> Accepted:
    """Ask for everything once; about a hundred tiny programs. The subject then writes cases as the engine understands them."""
    refused: dict[str, str] = {}
    failing: set[str] = set()
    for name, case in _operation_probes():
        answer = _ask(subject, case)
        if answer.refused is not None:
            refused[name] = answer.refused
    naming, same_hash = learn_names(subject)
    if isinstance(subject, RecordSubject):
        subject.write = naming.write
    for name, case in _other_probes():
        if naming.names or same_hash or not needs_names(case):
            answer = _ask(subject, case)
            if answer.refused is not None:
                refused[name] = answer.refused
            elif not answer.completed:
                failing.add(name)
    accepted = Accepted(subject.name, refused, frozenset(failing), frozenset(), naming, same_hash)
    return replace(accepted, unlikely=_learn_unlikely(subject, accepted))


def _learn_unlikely(subject: Subject, accepted: Accepted) -> frozenset[str]:
    """Runs small programs of one operation each, with the operands that it needs."""
    completed: set[str] = set()
    failed: set[str] = set()
    for number in range(_SMALL_PROGRAMS):
        case = children_first(generate_case(0, number, _ONE_OPERATION).case)
        if accepted.why_not(case) is not None or not isinstance(execute(case).outcome, Completed):
            continue
        answer = _ask(subject, case)
        (completed if answer.completed else failed).update(needs_of(case) if answer.refused is None else ())
    return frozenset(failed - completed)


def learn_names(subject: Subject) -> tuple[Naming, bool]:
    """How the engine wants procedures named, and whether digests are those of this project's hash.

    A dynamic call by digest is tried, then each way of naming its target.
    """
    probe = _dynamic(Dyn())
    if not isinstance(subject, RecordSubject) or _ask(subject, probe).completed:
        return Naming(names=False), True
    for naming in (Naming(names=True), Naming(names=True, turned=True)):
        subject.write = naming.write
        if _ask(subject, probe).completed:
            return naming, False
    return Naming(names=False), False


def _ask(subject: Subject, case: Case) -> Answer:
    try:
        (build,) = subject.builds(case, [WHOLE])
    except Refused as refused:
        return Answer(str(refused.args[0]), completed=False)
    return Answer(None, build.status is Status.COMPLETED)


def answers(subject: Subject) -> Availability:
    """Whether the engine answers for the smallest program; what it answers does not matter."""
    try:
        (build,) = subject.builds(_case("smallest", [_block("NOOP")]), [WHOLE])
    except Refused as refused:
        return Availability(False, f"refuses the smallest program: {refused.args[0]}")
    if build.status is Status.BROKE:
        return Availability(False, one_line(build.said, build.stderr))
    return Availability(True, "answers")


# ---- probes ---------------------------------------------------------------------------------------------------------


def _block(text: str) -> Block:
    words = (word.partition("(") for word in text.split())
    return Block(tuple(Operation(opcode(name), int(rest.rstrip(")") or 0)) for name, _, rest in words))


def _case(name: str, nodes: list[Node], stack: tuple[int, ...] = (), roots: tuple[int, ...] = ()) -> Case:
    entry = len(nodes) - 1
    return Case(name, Program(Forest(tuple(nodes), (*roots, entry)), entry), stack=stack, cuts=(WHOLE,))


def _operation_probes() -> Iterator[tuple[str, Case]]:
    """Whether they succeed does not matter: what an operation needs differs from release to release."""
    for info in BLOCK_OPERATIONS:
        yield info.name, _case(info.name, [Block((Operation(info.opcode, 0),))])


def _other_probes() -> Iterator[tuple[str, Case]]:
    noop, swap = _block("NOOP"), _block("SWAP SWAP")
    yield "join", _case("join", [noop, swap, Join(0, 1)])
    yield "split", _case("split", [noop, swap, Split(0, 1)], (1,))
    yield "loop", _case("loop", [noop, Loop(0)], (1, 0))
    yield "call", _case("call", [noop, Call(0)])
    library = Forest((swap,), (0,))
    target = External(library.digests[0], (0, 0))
    yield "external", replace(_case("external", [noop, target, Join(0, 1)]), libraries=(library,))
    yield "dyn", _dynamic(Dyn())
    yield "dyncall", _dynamic(Dyncall())
    yield "syscall", _kernel_call()
    popping = _case("advice.stack", [_block("ADVPOP DROP")])
    yield "advice.stack", replace(popping, advice=Advice(stack=(7,)))
    plain = _case("advice.map", [noop])
    entries = {as_word((1, 2, 3, 4)): (5, 6)}
    yield "advice.map", replace(plain, advice=Advice(map=entries))
    forest = replace(plain.program.forest, advice_map=entries)
    yield "advice_map", replace(plain, program=replace(plain.program, forest=forest))
    yield "advice.store", replace(plain, advice=Advice(store=((as_word((1, 2, 3, 4)), as_word((5, 6, 7, 8))),)))


def _dynamic(node: Dyn | Dyncall) -> Case:
    """A dynamic call of a local procedure whose digest the program stores first."""
    target = _block("SWAP SWAP")
    digest = Forest((target,), (0,)).digests[0]
    pushes = " ".join(f"PUSH({element})" for element in digest)
    caller = _block(f"{pushes} PUSH({_ADDRESS}) MSTOREW DROP DROP DROP DROP PUSH({_ADDRESS})")
    return _case("dynamic", [target, caller, node, Join(1, 2)], roots=(0,))


def _kernel_call() -> Case:
    case = _case("syscall", [_block("SWAP SWAP"), Syscall(0)], roots=(0,))
    kernel = Kernel.of([case.program.forest.digests[0]])
    return replace(case, program=replace(case.program, kernel=kernel))
