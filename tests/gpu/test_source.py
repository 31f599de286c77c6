"""The amalgamated text: what it contains, what it refuses, and that its fingerprints see every byte."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from gpu.device import Tag
from gpu.errors import KernelBuildError
from gpu.host_device import HostDevice
from gpu.shim import HostKernels, find_compiler
from gpu.source import CHIPS, CONSTANTS, KERNELS, LAYOUT_VERSION, SHARED, Parameter, load
from reference.definition.columns import COLUMN_NAMES
from reference.definition.isa import OPERATIONS
from reference.definition.rpo_constants import ARK1, ARK2, MDS_FIRST_ROW

ON_DISK = sorted(path.name for path in KERNELS.iterdir() if path.suffix in (".cuh", ".h"))
"""Every kernel file, and the shim."""


def written(folder: Path, text: str, name: str = "more.cuh") -> tuple[Path, ...]:
    (folder / name).write_text(text)
    return (folder / name,)


def test_every_kernel_file_is_part_of_the_text_once() -> None:
    listed = [name for name in (*SHARED, *CHIPS) if name != CONSTANTS]
    assert sorted([*listed, "shim.h"]) == ON_DISK
    text = load().text
    assert [text.count((KERNELS / name).read_text()) for name in listed] == [1] * len(listed)


def test_nothing_is_included_and_no_type_has_a_width_of_its_compiler() -> None:
    for name in (*SHARED, *CHIPS):
        if name not in (CONSTANTS, "types.cuh"):
            code = re.sub(r"//[^\n]*", "", (KERNELS / name).read_text())
            assert not re.findall(r"#\s*include|\b(?:long|short|char|size_t)\b", code), name


def test_signatures_are_read_from_the_declarations(tmp_path: Path) -> None:
    text = """
// GLOBAL in a comment is none
GLOBAL plain(u64* out) { out[0] = 1; }
GLOBAL __launch_bounds__(128, 2) bounded(
    const u8* __restrict__ bytes, u32 *words,
    u64 n) { if (TID < n) words[TID] = bytes[TID]; }
"""
    signatures = load(extra=written(tmp_path, text)).signatures
    assert signatures["plain"].parameters == (Parameter("out", "u64", pointer=True, const=False),)
    assert (signatures["plain"].file, signatures["plain"].block) == ("more.cuh", None)
    assert signatures["bounded"].parameters == (
        Parameter("bytes", "u8", pointer=True, const=True),
        Parameter("words", "u32", pointer=True, const=False),
        Parameter("n", "u64", pointer=False, const=False),
    )
    assert signatures["bounded"].block == 128


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("GLOBAL f(int* out) { }", r"kernel f: parameter 'int\* out' is not"),
        ("GLOBAL f(u64** out) { }", "kernel f: parameter"),
        ("GLOBAL f(const u64 n) { }", "kernel f: parameter"),
        ("GLOBAL f(u64) { }", "kernel f: parameter"),
        ("    GLOBAL f(u64* out) { }", "GLOBAL stands 1 times but 0 kernels"),
        ("GLOBAL twice(u64* out) { }\nGLOBAL twice(u64* out) { }", "kernel twice: in more.cuh and in more.cuh"),
    ],
)
def test_a_declaration_that_cannot_be_read_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(KernelBuildError, match=message):
        load(extra=written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KernelBuildError, match=r"absent\.cuh: No such file"):
        load(extra=(tmp_path / "absent.cuh",))


def test_a_kernel_file_may_be_missing_from_no_copy(tmp_path: Path) -> None:
    shutil.copytree(KERNELS, tmp_path / "kernels")
    (tmp_path / "kernels" / CHIPS[-1]).unlink()
    with pytest.raises(KernelBuildError, match=re.escape(CHIPS[-1])):
        load(directory=tmp_path / "kernels")


def test_generated_constants_are_those_of_the_definition(tmp_path: Path, device: HostDevice) -> None:
    expected = {f"OP_{operation.name}": operation.opcode for operation in OPERATIONS}
    expected |= {f"COL_{name.upper()}": index for index, name in enumerate(COLUMN_NAMES)}
    expected |= {"LAYOUT_VERSION": LAYOUT_VERSION}
    assignments = "\n".join(f"    out[{place}] = {name};" for place, name in enumerate(expected))
    text = f"""
GLOBAL names(u64* out) {{
    if (TID) return;
{assignments}
}}
GLOBAL tables(u64* out) {{
    u64 i = TID;
    if (i < 168) out[i] = ARK[i];
    if (i < 12) out[168 + i] = MDS[i];
}}
"""
    host = HostDevice(extra=written(tmp_path, text))
    names = host.full(Tag.SCRATCH, "names", len(expected), np.uint64, 2**64 - 1)
    tables = host.full(Tag.SCRATCH, "tables", 180, np.uint64, 2**64 - 1)
    host.launch("names", 1, names)
    host.launch("tables", 168, tables)
    assert host.download(names).tolist() == list(expected.values())
    ark = [value for halves in zip(ARK1, ARK2, strict=True) for half in halves for value in half]
    assert host.download(tables).tolist() == [*ark, *MDS_FIRST_ROW]


@pytest.mark.parametrize("name", ON_DISK)
def test_a_byte_more_in_any_file_gives_other_keys(tmp_path: Path, name: str) -> None:
    shutil.copytree(KERNELS, tmp_path / "kernels")
    with (tmp_path / "kernels" / name).open("a") as file:
        file.write("\n")
    before, after = load(), load(directory=tmp_path / "kernels")
    kernels = {signature.file for signature in before.signatures.values()}
    libraries = [HostKernels(source, find_compiler(), tmp_path) for source in (before, after)]
    changed = {file for file in kernels if libraries[0].library_path(file) != libraries[1].library_path(file)}
    if name == "shim.h":
        assert changed == kernels
    else:
        assert before.fingerprint != after.fingerprint
        assert changed == kernels if name in SHARED else name in changed


def test_options_and_defines_give_other_keys(tmp_path: Path, device: HostDevice) -> None:
    file = "digest.cuh"
    plain, defined = load(), load(defines=("SOMETHING=1",))
    assert plain.fingerprint != defined.fingerprint
    compiler = find_compiler()
    paths = {
        HostKernels(plain, compiler, tmp_path).library_path(file),
        HostKernels(defined, compiler, tmp_path).library_path(file),
        HostKernels(plain, compiler, tmp_path, sanitize=True).library_path(file),
    }
    assert len(paths) == 3


def test_a_unit_holds_the_files_whose_functions_it_uses(tmp_path: Path) -> None:
    (tmp_path / "a.cuh").write_text(
        "DEV u64 doubled(u64 x) { return 2 * x; }\nGLOBAL a(u64* out) { out[0] = doubled(1); }\n"
    )
    (tmp_path / "b.cuh").write_text("#define QUADRUPLED(x) doubled(doubled(x))\nGLOBAL b(u64* out) { out[0] = 0; }\n")
    (tmp_path / "c.cuh").write_text("GLOBAL c(u64* out) { out[0] = QUADRUPLED(1); }\n")
    (tmp_path / "d.cuh").write_text("// doubled\nGLOBAL d(u64* out) { out[0] = 5; }\n")
    source = load(extra=tuple(tmp_path / f"{name}.cuh" for name in "abcd"))

    def files_of(unit: str) -> set[str]:
        return set(re.findall(r'^#line 1 "([a-d])\.cuh"', source.unit(f"{unit}.cuh"), re.MULTILINE))

    assert {name: files_of(name) for name in "abcd"} == {"a": {"a"}, "b": {"a", "b"}, "c": {"a", "b", "c"}, "d": {"d"}}
