"""One migration step in every language of the guest SDKs, built here from package registries, with one result.

The step is scan-engine 1.0.0 to 2.0.0 and back. What must come out is computed by this file, in Python, from the
example's table of changes.
"""

from __future__ import annotations

import json
import os
import runpy
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services.fixtures import lacking
from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.core.canonical import canonical, digest
from versiqiid.core.document import read
from versiqiid.core.envelope import build, interpret
from versiqiid.core.lens import apply, invert, parse_lens
from versiqiid.core.migration.manifest import parse_manifest
from versiqiid.errors import MigrationFailed
from versiqiid.ports import GuestCall

PROJECT = Path(__file__).parents[3]
SDKS = PROJECT / "plugins" / "migrations"
EXAMPLE = PROJECT / "examples" / "scan-engine"
pytestmark = pytest.mark.timeout(1800)  # compilers are fetched and components compiled, once

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "versiqii" / "migrations"
RUNTIME = WasmRuntime(folder=CACHE / "compiled")
MISSING = "a member is missing that this migration needs"


@dataclass(frozen=True)
class Sdk:
    """Where a language keeps the example's step and the template that a user starts from."""

    step: Path
    starter: Path

    @property
    def builder(self) -> Path:
        return next(folder for folder in self.starter.parents if folder.name == "template") / "build.py"


SOURCES = {
    "c": Sdk(EXAMPLE / "migrations/1.0.0-2.0.0.c", SDKS / "c/template/migration.c"),
    "rust": Sdk(SDKS / "rust/scan-engine/lib.rs", SDKS / "rust/template/src/lib.rs"),
    "assemblyscript": Sdk(
        SDKS / "assemblyscript/scan-engine/index.ts", SDKS / "assemblyscript/template/assembly/index.ts"
    ),
    "python": Sdk(SDKS / "python/scan-engine/migration.py", SDKS / "python/template/migration.py"),
    "lua": Sdk(SDKS / "lua/scan-engine", SDKS / "lua/template"),
}


@dataclass(frozen=True)
class Guest:
    """What the sandbox runs: one module for both directions, or a script for each."""

    module: bytes = b""
    scripts: tuple[str | None, str | None] = (None, None)

    def call(self, entry: str, envelope: bytes) -> GuestCall:
        return GuestCall(self.module, digest(self.module), entry, envelope, self.scripts[entry == "vq_down"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guests")


def made(language: str, folder: Path, *, starter: bool = False) -> Guest:
    """The guest, built once a test run, a Python component once for its sources; skips where no toolchain is."""
    sdk = SOURCES[language]
    source = sdk.starter if starter else sdk.step
    if language == "lua":
        up, down = ((source / name).read_text() for name in ("up.lua", "down.lua"))
        return Guest(scripts=(up, down))
    if language == "python":  # half a minute each, so it outlives the run
        parts = [source, *sorted(sdk.builder.parent.rglob("*.py")), *sdk.builder.parent.rglob("*.wit")]
        folder, name = CACHE / "built", digest(b"".join(part.read_bytes() for part in parts))[-32:]
        folder.mkdir(parents=True, exist_ok=True)
    else:
        name = digest(str(source).encode())[-8:]
    module = folder / f"{name}.wasm"
    if not module.exists():
        unfinished = module.with_suffix(f".{os.getpid()}")
        try:
            runpy.run_path(str(sdk.builder))["build"](source, unfinished)
        except RuntimeError as why:
            lacking(str(why))
        unfinished.replace(module)
    return Guest(module.read_bytes())


def answer(guest: Guest, entry: str, config: Any, stash: Any = None) -> bytes:
    """What the guest answered, canonical: the whole answer is compared, refusals too."""
    envelope = build(config, family="scan-engine", frm="1.0.0", to="2.0.0", stash=stash)
    result = anyio.run(RUNTIME.run, guest.call(entry, envelope))
    try:
        told = interpret(result.output)
    except MigrationFailed as failure:
        return canonical({"error": failure.message, "pointer": failure.pointer})
    return canonical({"config": told.config, "stash": told.stash})


def up(first: Any, stash: Any = None) -> Any:
    heuristics = first["heuristics"]
    second = {
        "limits": {"depth": first["scan_depth"], "timeout_ms": first["timeout_ms"]},
        "heuristics": {"yara": "on" if heuristics["use_yara"] else "off", "rules_max": heuristics["max_rules"]},
        "report": (stash or {}).get("/report", "summary"),
    }
    return second | ({"exclude": first["exclude"]} if "exclude" in first else {})


paths = st.lists(st.text(st.characters(codec="utf-8"), max_size=6), max_size=3)
configs = st.fixed_dictionaries(
    {
        "scan_depth": st.integers(0, 64),
        "timeout_ms": st.integers(1, 3_600_000),
        "heuristics": st.fixed_dictionaries({"use_yara": st.booleans(), "max_rules": st.integers(0, 50_000)}),
    },
    optional={"exclude": paths},
)
reports = st.sampled_from(["summary", "full"])
CONFIGS = ("default", "strict", "legacy")


@cache
def lens() -> Any:
    return parse_lens(parse_manifest((SDKS / "lens/scan-engine/lens.json").read_bytes()).lens)


def test_every_language_gives_the_same_bytes(folder: Path) -> None:
    """One set of results has one element: the example's configs and what is generated, both ways, in six languages."""
    guests = {language: made(language, folder) for language in SOURCES}
    stored = [read((EXAMPLE / "keys/configs/av-engine/1.0.0" / name).read_bytes()) for name in CONFIGS]

    def check(first: dict[str, Any]) -> None:
        second = up(first)
        there = {language: answer(guest, "vq_up", first) for language, guest in guests.items()}
        back = {language: answer(guest, "vq_down", second) for language, guest in guests.items()}
        there["lens"] = canonical({"config": apply(lens(), first), "stash": None})
        back["lens"] = canonical({"config": apply(invert(lens()), second), "stash": None})
        assert set(there.values()) == {canonical({"config": second, "stash": None})}, there
        assert set(back.values()) == {canonical({"config": first, "stash": None})}, back

    for config in stored:
        check(config)
    settings(max_examples=40, deadline=None, derandomize=True)(given(configs)(check))()


@pytest.mark.parametrize("language", SOURCES)
def test_the_step_is_the_same_in_every_language_with_a_stash(language: str, folder: Path) -> None:
    """Up and down, byte for byte what the table says."""
    guest = made(language, folder)

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(configs, reports)
    def check(first: dict[str, Any], report: str) -> None:
        stash = None if report == "summary" else {"/report": report}
        second = up(first, stash)
        assert answer(guest, "vq_up", first, stash) == canonical({"config": second, "stash": None})
        assert answer(guest, "vq_down", second) == canonical({"config": first, "stash": stash})

    check()


@settings(max_examples=100, deadline=None)
@given(configs)
def test_the_step_is_the_same_as_a_lens(first: dict[str, Any]) -> None:
    """A lens has no stash; where nothing needs one it gives the same bytes, in both directions."""
    second = up(first)
    assert canonical(apply(lens(), first)) == canonical(second)
    assert canonical(apply(invert(lens()), second)) == canonical(first)


@pytest.mark.parametrize("language", SOURCES)
@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({}, "/scan_depth"),
        ({"scan_depth": 1, "timeout_ms": 2}, "/heuristics/max_rules"),
        ({"scan_depth": 1, "timeout_ms": 2, "heuristics": [1]}, "/heuristics/max_rules"),
        ({"scan_depth": 1, "timeout_ms": 2, "heuristics": {"max_rules": 3}}, "/heuristics/use_yara"),
        ([1, 2], "/scan_depth"),
        ("a string", "/scan_depth"),
    ],
)
def test_a_config_of_another_shape_is_refused_with_a_pointer(
    language: str, config: Any, pointer: str, folder: Path
) -> None:
    """No language traps on it, and all say the same."""
    told = answer(made(language, folder), "vq_up", config)
    assert told == canonical({"error": MISSING, "pointer": pointer})


@pytest.mark.parametrize("language", SOURCES)
def test_the_template_builds_and_keeps_the_law(language: str, folder: Path) -> None:
    """What a user starts from goes up and down again, with nothing lost and nothing touched that it does not name."""
    module = made(language, folder, starter=True)
    rest = {"kept": [1.5, {"deep": [[], {}, None, True, 'a"b\\c\u0001é']}], "": 0}
    first = {"old_name": -0.25, **rest}
    second = {"group": {"new_name": -0.25}, "added": "usual", **rest}
    assert answer(module, "vq_up", first) == canonical({"config": second, "stash": None})
    assert answer(module, "vq_down", second) == canonical({"config": first, "stash": None})
    other = second | {"added": ["other"]}
    stash = {"/added": ["other"]}
    assert answer(module, "vq_down", other) == canonical({"config": first, "stash": stash})
    assert answer(module, "vq_up", first, stash) == canonical({"config": other, "stash": None})


def test_the_lens_template_keeps_the_law() -> None:
    """As the compiled ones, but for the stash."""
    starter = parse_lens(parse_manifest((SDKS / "lens/template/lens.json").read_bytes()).lens)
    second = apply(starter, {"old_name": 1, "kept": 2})
    assert second == {"group": {"new_name": 1}, "added": "usual", "kept": 2}
    assert apply(invert(starter), second) == {"old_name": 1, "kept": 2}


def test_three_languages_on_one_way(folder: Path) -> None:
    """1.0.0 to 3.0.0 and back, through guests in Rust, C and AssemblyScript: the same bytes as at the start."""
    first = read((EXAMPLE / "keys/configs/av-engine/1.0.0/default").read_bytes())
    upper = json.loads((EXAMPLE / "keys/migrations/scan-engine/2.0.0/3.0.0").read_bytes())["module"]
    second = Guest((EXAMPLE / "keys/modules" / upper.removeprefix("sha256:")).read_bytes())
    steps = [
        (made("rust", folder), "vq_up"),
        (second, "vq_up"),
        (second, "vq_down"),
        (made("assemblyscript", folder), "vq_down"),
    ]
    seen = [first]
    for guest, entry in steps:
        seen.append(json.loads(answer(guest, entry, seen[-1]))["config"])
    assert all(canonical(before) != canonical(after) for before, after in pairwise(seen))
    assert seen[2]["limits"]["timeout_s"] == 1.5
    assert canonical(seen[-1]) == canonical(first)


WHOLE = [1e20, -1e20, 2.0**53, 2.0**53 + 2, -(2.0**53), 2.0**63, 2.0**64, 1.5e16, 999999999999999900000.0, 1e21, 1e23]
USUAL = [0, -1, 2**31, 2**32, 2**53 - 1, 1 - 2**53, 1e15, 1e16, 1e17, 0.1, 4.35, 1 / 3, 2**52 + 0.5, 333333333.3333332]
SMALL = [1e-7, 1e-6, 9.5e-10, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308]


@pytest.mark.parametrize("language", SOURCES)
def test_a_number_that_is_not_touched_comes_out_as_it_went_in(language: str, folder: Path) -> None:
    """Whatever the language does with numbers: RFC 8785 writes 1e20 with all its digits, and that is what is read back.

    Up and down is nothing at all, so these numbers are lost only where a guest or the reader of its answer loses them.
    """
    module = made(language, folder, starter=True)

    def check(numbers: list[float]) -> None:
        first = {"old_name": numbers[0], "kept": {"deep": [numbers]}}
        second = {"group": {"new_name": numbers[0]}, "added": "usual", "kept": first["kept"]}
        assert answer(module, "vq_up", first) == canonical({"config": second, "stash": None})
        assert answer(module, "vq_down", second) == canonical({"config": first, "stash": None})

    check([*WHOLE, *USUAL, *SMALL])
    numbers = st.floats(allow_nan=False, allow_infinity=False) | st.floats(2.0**53, 1e22)
    generated = given(st.lists(numbers, min_size=1, max_size=20))
    settings(max_examples=30, deadline=None, derandomize=True)(generated(check))()


@pytest.mark.parametrize("language", SOURCES)
def test_a_guest_takes_the_largest_document(language: str, folder: Path) -> None:
    """350,000 bytes, 100 levels: within fuel and memory in every language."""
    deep: Any = []
    for _ in range(97):
        deep = [deep]
    config = {
        "scan_depth": 1,
        "timeout_ms": 2,
        "heuristics": {"use_yara": True, "max_rules": 3},
        "exclude": ["é" * 100 + f"/{number}" for number in range(1_600)],
        "more": [deep, *range(3_000)],
    }
    assert 340_000 < len(canonical(config)) < 350_000
    told = json.loads(answer(made(language, folder), "vq_up", config))
    assert canonical(told["config"]) == canonical(up(config) | {"more": config["more"]})
