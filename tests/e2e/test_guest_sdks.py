"""One migration step in every language of the guest SDKs, built here from package registries, with one result.

The step is scan-engine 1.0.0 to 2.0.0 and back. What must come out is computed by this file, in Python, from the
example's table of changes.
"""

from __future__ import annotations

import json
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

from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.core.canonical import canonical, digest
from versiqiid.core.document import read
from versiqiid.core.envelope import build, interpret
from versiqiid.core.lens import apply, invert, parse_lens
from versiqiid.core.migration.manifest import parse_manifest
from versiqiid.errors import MigrationFailed
from versiqiid.ports import GuestCall

PROJECT = Path(__file__).parents[2]
SDKS = PROJECT / "plugins" / "migrations"
EXAMPLE = PROJECT / "examples" / "scan-engine"
RUNTIME = WasmRuntime()
MISSING = "a member is missing that this migration needs"


@dataclass(frozen=True)
class Sdk:
    """Where a language keeps the example's step and the template that a user starts from."""

    step: Path
    starter: Path

    @property
    def builder(self) -> Path:
        return next(folder for folder in self.starter.parents if folder.name == "template") / "build.py"


COMPILED = {
    "c": Sdk(EXAMPLE / "migrations/1.0.0-2.0.0.c", SDKS / "c/template/migration.c"),
    "rust": Sdk(SDKS / "rust/scan-engine/lib.rs", SDKS / "rust/template/src/lib.rs"),
    "assemblyscript": Sdk(
        SDKS / "assemblyscript/scan-engine/index.ts", SDKS / "assemblyscript/template/assembly/index.ts"
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guests")


def compiled(sdk: Sdk, source: Path, folder: Path) -> bytes:
    """The module, built once a test run; skips where the toolchain cannot be had."""
    made = folder / f"{digest(str(source).encode())[-8:]}.wasm"
    if not made.exists():
        try:
            runpy.run_path(str(sdk.builder))["build"](source, made)
        except RuntimeError as why:
            pytest.skip(str(why))
    return made.read_bytes()


def answer(module: bytes, entry: str, config: Any, stash: Any = None) -> bytes:
    """What the guest answered, canonical: the whole answer is compared, refusals too."""
    envelope = build(config, family="scan-engine", frm="1.0.0", to="2.0.0", stash=stash)
    result = anyio.run(RUNTIME.run, GuestCall(module, digest(module), entry, envelope))
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


@cache
def lens() -> Any:
    return parse_lens(parse_manifest((SDKS / "lens/scan-engine/lens.json").read_bytes()).lens)


@pytest.mark.parametrize("language", COMPILED)
def test_the_step_is_the_same_in_every_compiled_language(language: str, folder: Path) -> None:
    """Up and down, with and without a stash, byte for byte what the table says."""
    sdk = COMPILED[language]
    module = compiled(sdk, sdk.step, folder)

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(configs, reports)
    def check(first: dict[str, Any], report: str) -> None:
        stash = None if report == "summary" else {"/report": report}
        second = up(first, stash)
        assert answer(module, "vq_up", first, stash) == canonical({"config": second, "stash": None})
        assert answer(module, "vq_down", second) == canonical({"config": first, "stash": stash})

    check()


@settings(max_examples=100, deadline=None)
@given(configs)
def test_the_step_is_the_same_as_a_lens(first: dict[str, Any]) -> None:
    """A lens has no stash; where nothing needs one it gives the same bytes, in both directions."""
    second = up(first)
    assert canonical(apply(lens(), first)) == canonical(second)
    assert canonical(apply(invert(lens()), second)) == canonical(first)


@pytest.mark.parametrize("name", ["default", "strict", "legacy"])
def test_the_examples_configs_come_out_the_same_from_all_of_them(name: str, folder: Path) -> None:
    """One set of results over all languages has one element."""
    config = read((EXAMPLE / "keys/configs/av-engine/1.0.0" / name).read_bytes())
    results = {canonical({"config": apply(lens(), config), "stash": None})}
    results |= {answer(compiled(sdk, sdk.step, folder), "vq_up", config) for sdk in COMPILED.values()}
    assert results == {canonical({"config": up(config), "stash": None})}


@pytest.mark.parametrize("language", COMPILED)
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
    sdk = COMPILED[language]
    told = answer(compiled(sdk, sdk.step, folder), "vq_up", config)
    assert told == canonical({"error": MISSING, "pointer": pointer})


@pytest.mark.parametrize("language", COMPILED)
def test_the_template_builds_and_keeps_the_law(language: str, folder: Path) -> None:
    """What a user starts from goes up and down again, with nothing lost and nothing touched that it does not name."""
    sdk = COMPILED[language]
    module = compiled(sdk, sdk.starter, folder)
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
    steps = [
        (compiled(COMPILED["rust"], COMPILED["rust"].step, folder), "vq_up"),
        ((EXAMPLE / "keys/modules" / upper.removeprefix("sha256:")).read_bytes(), "vq_up"),
        ((EXAMPLE / "keys/modules" / upper.removeprefix("sha256:")).read_bytes(), "vq_down"),
        (compiled(COMPILED["assemblyscript"], COMPILED["assemblyscript"].step, folder), "vq_down"),
    ]
    seen = [first]
    for module, entry in steps:
        seen.append(json.loads(answer(module, entry, seen[-1]))["config"])
    assert all(canonical(before) != canonical(after) for before, after in pairwise(seen))
    assert seen[2]["limits"]["timeout_s"] == 1.5
    assert canonical(seen[-1]) == canonical(first)


@pytest.mark.parametrize("language", COMPILED)
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
    sdk = COMPILED[language]
    told = json.loads(answer(compiled(sdk, sdk.step, folder), "vq_up", config))
    assert canonical(told["config"]) == canonical(up(config) | {"more": config["more"]})
