"""The scan-engine example holds what its README says: keys, schemas, modules, and what the migrations do.

The migrations are held against a second implementation of the same table of changes, in Python, on generated configs.
"""

from __future__ import annotations

import json
import runpy
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.core.canonical import canonical, digest
from versiqiid.core.document import read
from versiqiid.core.envelope import Answer, build, interpret
from versiqiid.core.keys import parse
from versiqiid.errors import MigrationFailed
from versiqiid.ports import GuestCall

EXAMPLE = Path(__file__).parents[2] / "examples" / "scan-engine"
KEYS = EXAMPLE / "keys"
FAMILY = "scan-engine"
VERSIONS = ("1.0.0", "2.0.0", "3.0.0")
RUNTIME = WasmRuntime()


def keys() -> dict[str, bytes]:
    return {path.relative_to(KEYS).as_posix(): path.read_bytes() for path in sorted(KEYS.rglob("*")) if path.is_file()}


def validator(version: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((KEYS / "schemas" / FAMILY / version).read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


VALIDATORS = {version: validator(version) for version in VERSIONS}


def config(name: str) -> Any:
    return read((KEYS / "configs/av-engine/1.0.0" / name).read_bytes())


def migrate(value: Any, frm: str, to: str, stash: Any = None) -> Answer:
    """One step by the keys of the example, validated as the daemon does."""
    VALIDATORS[frm].validate(value)
    migration = json.loads((KEYS / "migrations" / FAMILY / frm / to).read_bytes())
    module = (KEYS / "modules" / migration["module"].removeprefix("sha256:")).read_bytes()
    envelope = build(value, family=FAMILY, frm=frm, to=to, stash=stash)
    call = GuestCall(module, migration["module"], "vq_up" if frm < to else "vq_down", envelope)
    result = anyio.run(RUNTIME.run, call)
    answer = interpret(result.output)
    VALIDATORS[to].validate(answer.config)
    assert answer.notes == ()
    return answer


def walk(value: Any, *versions: str) -> Any:
    for frm, to in pairwise(versions):
        value = migrate(value, frm, to).config
    return value


def test_every_file_is_a_key_of_the_layout() -> None:
    """So that a loop over the files loads the example."""
    for key in keys():
        assert parse(key) is not None, key


def test_modules_are_named_by_their_digest_and_all_of_them_are_used() -> None:
    """The two steps, up and down, name the two modules that are there."""
    named = set()
    for frm, to in [("1.0.0", "2.0.0"), ("2.0.0", "1.0.0"), ("2.0.0", "3.0.0"), ("3.0.0", "2.0.0")]:
        migration = json.loads(keys()[f"migrations/{FAMILY}/{frm}/{to}"])
        assert migration.keys() == {"runtime", "module", "description"}
        named.add(migration["module"])
    there = {key.removeprefix("modules/"): value for key, value in keys().items() if key.startswith("modules/")}
    assert {digest(value) for value in there.values()} == {f"sha256:{name}" for name in there} == named
    assert all(len(value) < 20_000 for value in there.values())


def test_the_modules_are_what_their_source_gives(tmp_path: Path) -> None:
    """Built again they are the same bytes, keys and all, and they hold no path of the machine that built them."""
    runpy.run_path(str(EXAMPLE / "build.py"))["build"](tmp_path)
    built = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    committed = {key: value for key, value in keys().items() if key.startswith(("modules/", "migrations/"))}
    assert built == committed
    for value in built.values():
        assert b"/work" not in value
        assert str(tmp_path).encode() not in value
        assert str(Path.home()).encode() not in value


@pytest.mark.parametrize("name", ["default", "strict"])
def test_there_and_back_is_byte_identical(name: str) -> None:
    """1.0.0 to 3.0.0 and back to 1.0.0, with nothing put aside on the way."""
    start = config(name)
    top = walk(start, "1.0.0", "2.0.0", "3.0.0")
    assert canonical(walk(top, "3.0.0", "2.0.0", "1.0.0")) == canonical(start)


def test_default_as_3_0_0() -> None:
    """The README's table, on the example's own config."""
    assert walk(config("default"), "1.0.0", "2.0.0", "3.0.0") == {
        "limits": {"depth": 8, "timeout_s": 1.5},
        "detectors": {"yara": {"enabled": True, "rules_max": 500}, "ml": {"enabled": False, "threshold": 0.5}},
        "report": {"level": "summary"},
        "exclude": {"paths": ["/proc", "/sys", "/var/lib/scan-engine/Quarantäne"]},
    }


def test_legacy_is_refused_at_3_0_0_with_pointer_and_reason() -> None:
    """It goes to 2.0.0 and back, but no further."""
    second = migrate(config("legacy"), "1.0.0", "2.0.0").config
    assert canonical(walk(second, "2.0.0", "1.0.0")) == canonical(config("legacy"))
    with pytest.raises(MigrationFailed) as failure:
        migrate(second, "2.0.0", "3.0.0")
    assert failure.value.pointer == "/limits/depth"
    assert failure.value.message == "a scan without a depth limit is gone in 3.0.0: set a depth from 1 to 64"


# ------------------------------------------------------------------------------------------ on generated configs

paths = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), max_size=3)
rules = st.integers(0, 50_000)
milliseconds = st.integers(1, 3_600_000)
reports = st.sampled_from(["summary", "full"])
ml_usual = {"enabled": False, "threshold": 0.5}


def with_optional(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


first = with_optional(
    {
        "scan_depth": st.integers(0, 64),
        "timeout_ms": milliseconds,
        "heuristics": st.fixed_dictionaries({"use_yara": st.booleans(), "max_rules": rules}),
    },
    exclude=paths,
)
second = with_optional(
    {
        "limits": st.fixed_dictionaries({"depth": st.integers(0, 64), "timeout_ms": milliseconds}),
        "heuristics": st.fixed_dictionaries({"yara": st.sampled_from(["on", "off"]), "rules_max": rules}),
        "report": reports,
    },
    exclude=paths,
)
third = with_optional(
    {
        "limits": st.fixed_dictionaries(
            {
                "depth": st.integers(1, 64),
                "timeout_s": st.floats(0.001, 3600) | milliseconds.map(lambda value: value / 1000),
            }
        ),
        "detectors": st.fixed_dictionaries(
            {
                "yara": st.fixed_dictionaries({"enabled": st.booleans(), "rules_max": rules}),
                "ml": st.just(ml_usual)
                | st.fixed_dictionaries(
                    {"enabled": st.booleans(), "threshold": st.floats(0, 1, allow_subnormal=False)}
                ),
            }
        ),
        "report": st.fixed_dictionaries({"level": reports}),
    },
    exclude=st.fixed_dictionaries({"paths": paths}),
)


def second_of_first(value: Any) -> Any:
    made = {
        "limits": {"depth": value["scan_depth"], "timeout_ms": value["timeout_ms"]},
        "heuristics": {
            "yara": {True: "on", False: "off"}[value["heuristics"]["use_yara"]],
            "rules_max": value["heuristics"]["max_rules"],
        },
        "report": "summary",
    }
    return made | {key: value[key] for key in value.keys() & {"exclude"}}


def third_of_second(value: Any) -> Any:
    made = {
        "limits": {
            "depth": value["limits"]["depth"],
            "timeout_s": float(Decimal(value["limits"]["timeout_ms"]) / 1000),
        },
        "detectors": {
            "yara": {"enabled": value["heuristics"]["yara"] == "on", "rules_max": value["heuristics"]["rules_max"]},
            "ml": ml_usual,
        },
        "report": {"level": value["report"]},
    }
    return made | ({"exclude": {"paths": value["exclude"]}} if "exclude" in value else {})


@settings(max_examples=60, deadline=None)
@given(first)
def test_first_to_second(value: dict[str, Any]) -> None:
    """As the table says, and back without loss."""
    up = migrate(value, "1.0.0", "2.0.0")
    assert up.stash is None
    assert canonical(up.config) == canonical(second_of_first(value))
    assert migrate(up.config, "2.0.0", "1.0.0") == Answer(json.loads(canonical(value)))


@settings(max_examples=60, deadline=None)
@given(second)
def test_second_to_third(value: dict[str, Any]) -> None:
    """As the table says, and back without loss; without a depth limit, refused."""
    if value["limits"]["depth"] == 0:
        with pytest.raises(MigrationFailed, match="set a depth"):
            migrate(value, "2.0.0", "3.0.0")
        return
    up = migrate(value, "2.0.0", "3.0.0")
    assert up.stash is None
    assert canonical(up.config) == canonical(third_of_second(value))
    assert migrate(up.config, "3.0.0", "2.0.0") == Answer(json.loads(canonical(value)))


@settings(max_examples=60, deadline=None)
@given(second)
def test_second_down_and_up_again_with_the_stash(value: dict[str, Any]) -> None:
    """Nothing is lost for good, and nothing usual is put aside."""
    down = migrate(value, "2.0.0", "1.0.0")
    assert down.stash == ({"/report": "full"} if value["report"] == "full" else None)
    assert canonical(migrate(down.config, "1.0.0", "2.0.0", down.stash).config) == canonical(value)


@settings(max_examples=100, deadline=None)
@given(third)
def test_third_down_and_up_again_with_the_stash(value: dict[str, Any]) -> None:
    """Time is cut to whole milliseconds and no further; the rest, and what is new in 3.0.0, is in the stash."""
    down = migrate(value, "3.0.0", "2.0.0")
    exact = Decimal(repr(value["limits"]["timeout_s"])) * 1000
    assert down.config["limits"]["timeout_ms"] == int(exact)
    kept = set(down.stash or {})
    assert ("/limits/timeout_s" in kept) == (exact != int(exact))
    assert ("/detectors/ml" in kept) == (value["detectors"]["ml"] != ml_usual)
    assert kept <= {"/limits/timeout_s", "/detectors/ml"}
    assert canonical(migrate(down.config, "2.0.0", "3.0.0", down.stash).config) == canonical(value)
