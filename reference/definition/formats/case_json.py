"""The case file: JSON text, one node a line, read strictly and written in one canonical way (DESIGN: *Case files*).

:func:`write_case` is for people and version control, :func:`case_line` for the one-case-a-line protocol of engines.
Both write the same document, except that a line lists children before their parents, as that protocol asks.

What a corpus keeps with a case (``kept``: why it is there, what is expected) stands in the same file and is no part of
the case: it is read by whoever keeps corpora, written when it is given, and never sent to an engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reference.definition.case import MAX_STACK_INPUTS, Advice, Case, Host, Replies
from reference.definition.cuts import ONE_FRAGMENT, At, CutPlan, Every
from reference.definition.errors import InputError
from reference.definition.field import Word, as_word, word_to_hex
from reference.definition.formats.case_nodes import SymbolicExternal, node_text, parse_node
from reference.definition.formats.children_first import children_first, require_own_digests
from reference.definition.formats.json_value import Value, parse_json, shortened
from reference.definition.formats.layout import lay_out
from reference.definition.formats.options_json import options_document, read_options
from reference.definition.gpu_options import DEFAULT_GPU_OPTIONS
from reference.definition.mast import External, Forest, Node, order_children_first
from reference.definition.parallel_options import DEFAULT_PARALLEL_OPTIONS
from reference.definition.program import Kernel, Program

FORMAT = "fragdiff-case/1"

KEPT = "kept"
"""The member that belongs to the corpus; here only its being an object is checked."""

MAX_NAME_CHARACTERS = 200
"""A name becomes a file name, which usual file systems limit to 255 bytes, suffix included."""

ROW_LIMIT = 2**63
"""Cut plans name rows and sizes below this: engines hold them in signed 64-bit integers."""

DWORD_ELEMENTS = 8


# --- reading


def read_case(text: str | bytes, source: str = "") -> Case:
    """The case that the JSON text describes; ``source`` names the file in errors.

    Raises InputError with the path in the document for everything that DESIGN *Case files* does not allow.
    """
    try:
        return _case(parse_json(text))
    except InputError as error:
        raise error.located(source) from None


def _case(document: Value) -> Case:
    optional = ("format", "name", "about", "libraries", "stack", "advice", "host", "replies", "cuts", "options", KEPT)
    members = document.members(required=("program",), optional=optional)
    if "format" in members and members["format"].text() != FORMAT:
        raise members["format"].expected(f"{FORMAT!r}")
    if KEPT in members:
        dict(members[KEPT].entries())
    libraries = _libraries(members["libraries"]) if "libraries" in members else ()
    plain = (DEFAULT_GPU_OPTIONS, DEFAULT_PARALLEL_OPTIONS)
    gpu, parallel = read_options(members["options"]) if "options" in members else plain
    return Case(
        name=_name(members["name"]) if "name" in members else "case",
        program=_program(members["program"], libraries),
        libraries=libraries,
        stack=_stack(members["stack"]) if "stack" in members else (),
        advice=_advice(members["advice"]) if "advice" in members else Advice(),
        host=_host(members["host"]) if "host" in members else "default",
        replies=_replies(members["replies"]) if "replies" in members else None,
        cuts=_cuts(members["cuts"]) if "cuts" in members else (ONE_FRAGMENT,),
        about=members["about"].text() if "about" in members else "",
        gpu=gpu,
        parallel=parallel,
    )


def _name(value: Value) -> str:
    name = value.text()
    if not is_case_name(name):
        raise value.expected(f"a name of 1 to {MAX_NAME_CHARACTERS} printable characters, none of them / or \\")
    return name


def is_case_name(name: str) -> bool:
    """True when a case may be called so: the name is also used for files."""
    return 0 < len(name) <= MAX_NAME_CHARACTERS and name.isprintable() and "/" not in name and "\\" not in name


def _libraries(value: Value) -> tuple[Forest, ...]:
    """The libraries, last one first: a library may name nodes of later ones."""
    items = value.items()
    forests: dict[int, Forest] = {}
    for index in reversed(range(len(items))):
        members = items[index].members(required=("nodes", "roots"), optional=("advice_map",))
        forests[index] = _forest(members, forests, len(items))
    return tuple(forests[index] for index in range(len(items)))


def _program(value: Value, libraries: Sequence[Forest]) -> Program:
    members = value.members(required=("nodes", "roots", "entry"), optional=("kernel", "advice_map"))
    forest = _forest(members, dict(enumerate(libraries)), len(libraries))
    entry = members["entry"].integer(0, max(1, len(forest.nodes)))
    if entry not in forest.roots:
        raise members["entry"].expected("one of the roots")
    return Program(forest, entry, _kernel(members["kernel"]) if "kernel" in members else Kernel())


def _kernel(value: Value) -> Kernel:
    procedures = [item.word() for item in value.items()]
    try:
        return Kernel.of(procedures)
    except InputError as error:
        raise value.refuse(error.reason) from None


def _forest(members: Mapping[str, Value], libraries: Mapping[int, Forest], library_count: int) -> Forest:
    listed = members["nodes"]
    nodes = tuple(_node(item, libraries, library_count) for item in listed.items())
    try:
        order_children_first(nodes)
    except InputError as error:
        raise InputError(error.reason, place=listed.place + error.place.removeprefix("nodes")) from None
    advice_map = members["advice_map"].map_of_elements() if "advice_map" in members else {}
    return Forest(nodes, _roots(members["roots"], len(nodes)), advice_map)


def _roots(value: Value, node_count: int) -> tuple[int, ...]:
    roots: dict[int, None] = {}
    for item in value.items():
        root = item.integer(0, node_count)
        if root in roots:
            raise item.refuse(f"expected every root once, found {root} twice")
        roots[root] = None
    return tuple(roots)


def _node(value: Value, libraries: Mapping[int, Forest], library_count: int) -> Node:
    text = value.text()
    try:
        node = parse_node(text)
    except InputError as error:
        raise value.refuse(error.reason) from None
    if not isinstance(node, SymbolicExternal):
        return node
    target = libraries.get(node.library)
    if target is None:
        known = "none" if node.library >= library_count else "an earlier one or this one"
        raise value.refuse(f"expected the number of a library that comes later, found {shortened(text)}: {known}")
    if node.node >= len(target.nodes):
        raise value.refuse(f"expected a node below {len(target.nodes)}, found {shortened(text)}")
    return External(target.digests[node.node], (node.library, node.node))


def _stack(value: Value) -> tuple[int, ...]:
    stack = value.elements()
    if len(stack) > MAX_STACK_INPUTS:
        raise value.expected(f"at most {MAX_STACK_INPUTS} stack inputs")
    return stack


def _advice(value: Value) -> Advice:
    members = value.members(optional=("stack", "map", "store"))
    return Advice(
        stack=members["stack"].elements() if "stack" in members else (),
        map=members["map"].map_of_elements() if "map" in members else {},
        store=tuple(_pair(item) for item in members["store"].items()) if "store" in members else (),
    )


def _pair(value: Value) -> tuple[Word, Word]:
    items = value.items()
    if len(items) != 2:
        raise value.expected("a left and a right child")
    return items[0].word(), items[1].word()


def _host(value: Value) -> Host:
    match value.text():
        case "default":
            return "default"
        case "stdlib":
            return "stdlib"
        case _:
            raise value.expected("'default' or 'stdlib'")


def _replies(value: Value) -> Replies:
    members = value.members(optional=("elements", "words", "dwords", "paths"))
    return Replies(
        elements=members["elements"].elements() if "elements" in members else (),
        words=tuple(as_word(_exactly(item, 4)) for item in members["words"].items()) if "words" in members else (),
        dwords=tuple(_exactly(item, DWORD_ELEMENTS) for item in members["dwords"].items())
        if "dwords" in members
        else (),
        paths=tuple(tuple(word.word() for word in item.items()) for item in members["paths"].items())
        if "paths" in members
        else (),
    )


def _exactly(value: Value, count: int) -> tuple[int, ...]:
    elements = value.elements()
    if len(elements) != count:
        raise value.expected(f"{count} elements")
    return elements


def _cuts(value: Value) -> tuple[CutPlan, ...]:
    items = value.items() if isinstance(value.value, list) else [value]
    return tuple(_cut(item) for item in items) or (ONE_FRAGMENT,)


def _cut(value: Value) -> CutPlan:
    if type(value.value) is int:
        return Every(value.integer(1, ROW_LIMIT))
    members = value.members(optional=("every", "at"))
    if len(members) != 1:
        raise value.refuse('expected a number, {"every": n} or {"at": [rows]}')
    if "every" in members:
        return Every(members["every"].integer(1, ROW_LIMIT))
    return At(tuple(row.integer(0, ROW_LIMIT) for row in members["at"].items()))


# --- writing


def write_case(case: Case, kept: Mapping[str, Any] | None = None) -> str:
    """The case as canonical text: stable key order, one node a line, defaults left out, newline at the end.

    ``kept`` is JSON that a corpus keeps with the case; it stands last. Error messages and debug sections of forests that
    came from a binary file are not part of the format. Raises InputError when such a forest stores digests that are not
    its own, because the text would be another program.
    """
    document = _document(case)
    if kept is not None:
        document[KEPT] = dict(kept)
    return lay_out(document) + "\n"


def case_line(case: Case) -> str:
    """The case as one line of JSON without a line end, children before parents, as the engines' protocol asks.

    Raises InputError as :func:`write_case` does.
    """
    return json.dumps(_document(children_first(case)), separators=(",", ":"))


def _document(case: Case) -> dict[str, Any]:
    forests = (case.program.forest, *case.libraries)
    for forest in forests:
        require_own_digests(forest)
    document: dict[str, Any] = {"format": FORMAT, "name": case.name}
    if case.about:
        document["about"] = case.about
    document["program"] = _program_document(case.program)
    if case.libraries:
        document["libraries"] = [_forest_document(library) for library in case.libraries]
    document["stack"] = list(case.stack)
    if advice := _advice_document(case.advice):
        document["advice"] = advice
    if case.host != "default":
        document["host"] = case.host
    if case.replies is not None:
        document["replies"] = _replies_document(case.replies)
    document["cuts"] = [plan.size if isinstance(plan, Every) else {"at": list(plan.rows)} for plan in case.cuts]
    if options := options_document(case.gpu, case.parallel):
        document["options"] = options
    return document


def _program_document(program: Program) -> dict[str, Any]:
    forest = _forest_document(program.forest)
    document = {"nodes": forest["nodes"], "roots": forest["roots"], "entry": program.entry}
    if program.kernel.procedures:
        document["kernel"] = [word_to_hex(procedure) for procedure in program.kernel.procedures]
    if "advice_map" in forest:
        document["advice_map"] = forest["advice_map"]
    return document


def _forest_document(forest: Forest) -> dict[str, Any]:
    document: dict[str, Any] = {"nodes": [node_text(node) for node in forest.nodes], "roots": list(forest.roots)}
    if forest.advice_map:
        document["advice_map"] = _map_document(forest.advice_map)
    return document


def _map_document(entries: Mapping[Word, Sequence[int]]) -> dict[str, list[int]]:
    return dict(sorted((word_to_hex(key), list(values)) for key, values in entries.items()))


def _advice_document(advice: Advice) -> dict[str, Any]:
    parts = {
        "stack": list(advice.stack),
        "map": _map_document(advice.map),
        "store": [[word_to_hex(left), word_to_hex(right)] for left, right in advice.store],
    }
    return {key: part for key, part in parts.items() if part}


def _replies_document(replies: Replies) -> dict[str, Any]:
    parts = {
        "elements": list(replies.elements),
        "words": [list(word) for word in replies.words],
        "dwords": [list(dword) for dword in replies.dwords],
        "paths": [[word_to_hex(word) for word in path] for path in replies.paths],
    }
    return {key: part for key, part in parts.items() if part}
