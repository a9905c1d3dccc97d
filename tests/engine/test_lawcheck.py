"""The laws tried on real steps: patches, lenses and WebAssembly, with the real sandbox and the real validator."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.wasm_guests import ALLOC, MEMORY, VERSION, entry, guest, text, wat
from tests.e2e.processes import example_keys
from tests.engine.steps import DOWN, NEW, OLD, UP, snapshot, world
from versiqiid.adapters.validation import ProcessValidator
from versiqiid.adapters.wasm import Limits, WasmRuntime
from versiqiid.core.lens import invert, lens_to_json, parse_lens
from versiqiid.engine.lawcheck import Effort, LawCheck, Report
from versiqiid.engine.pairs import pair
from versiqiid.errors import InvalidInput, NotFound, UnusableSchema
from versiqiid.ports import GuestCall, GuestResult, MigrationRuntime

pytestmark = pytest.mark.anyio

SMALL = Effort(count=300, budget_s=20)


@pytest.fixture(scope="module")
async def validator() -> AsyncIterator[ProcessValidator]:
    async with ProcessValidator() as started:
        yield started


async def tried(
    validator: ProcessValidator,
    keys: dict[str, Any],
    *,
    runtime: MigrationRuntime | None = None,
    effort: Effort = SMALL,
    ends: tuple[str, str] = ("1.0.0", "2.0.0"),
    family: str = "f",
) -> Report:
    directions = pair(snapshot(keys), family, *ends)
    return await LawCheck(validator, runtime or WasmRuntime()).run(*directions, effort)


# --------------------------------------------------------------------------------------------------- the laws hold


@pytest.mark.parametrize("ends", [("1.0.0", "2.0.0"), ("2.0.0", "3.0.0")])
async def test_the_examples_steps_keep_the_laws(validator: ProcessValidator, ends: tuple[str, str]) -> None:
    """Up is lossless, down with its stash; what 3.0.0 cannot hold is declined, which is no breach."""
    report = await tried(validator, example_keys(), ends=ends, family="scan-engine")
    assert report.findings == ()
    assert report.proven
    up, down = (step.tally for step in report.steps)
    assert (up.classification().kind, down.classification().kind) == ("lossless", "lossless-with-stash")
    assert up.tried == down.tried == SMALL.count
    assert up.configs == (3 if ends[0] == "1.0.0" else 0)
    assert bool(up.declined) is (ends[1] == "3.0.0")


async def test_the_steps_may_be_named_in_either_order(validator: ProcessValidator) -> None:
    """The side of a step is told by the versions, not by who asks."""
    report = await tried(validator, example_keys(), ends=("2.0.0", "1.0.0"), family="scan-engine")
    told = report.as_json()["steps"]
    assert [(step["from"], step["direction"]) for step in told] == [("2.0.0", "down"), ("1.0.0", "up")]
    assert report.findings == ()


# -------------------------------------------------------------------------------------------- a lossy step is found


async def test_a_lossy_downgrade_is_found_without_any_config(validator: ProcessValidator) -> None:
    """With the smallest document that shows it, and what it loses."""
    report = await tried(validator, world(UP, DOWN))
    (finding,) = report.findings
    told = finding.as_json()
    assert told["law"] == "up(down(y, stash)) = y"
    assert (told["from"], told["to"], told["origin"]) == ("2.0.0", "1.0.0", "generated")
    assert told["input"] == {"scan": {"depth": 0}, "report": "full"}
    assert told["migrated"] == {"depth": 0}
    assert told["output"] == {"scan": {"depth": 0}, "report": "summary"}
    assert (told["pointer"], told["lost"]) == ("/report", "full")
    up, down = (step.tally.classification() for step in report.steps)
    assert (up.kind, down.kind, down.paths) == ("lossless", "lossy", ("/report",))
    assert report.as_json()["holds"] is False


async def test_a_declared_loss_keeps_the_laws(validator: ProcessValidator) -> None:
    down = {"runtime": "json-patch", "patch": DOWN, "lossy": ["/report"]}
    report = await tried(validator, world(UP, down))
    assert report.findings == ()
    assert report.steps[1].tally.classification().kind == "lossy"


async def test_declaring_another_loss_does_not_help(validator: ProcessValidator) -> None:
    down = {"runtime": "json-patch", "patch": DOWN, "lossy": ["/scan"]}
    assert [each.breach.pointer for each in (await tried(validator, world(UP, down))).findings] == ["/report"]


async def test_a_lossy_guest_is_found(validator: ProcessValidator) -> None:
    """WebAssembly that keeps the ABI, gives valid documents, and forgets: both results are constants."""
    up_data, up = text('{"config":{"scan":{"depth":1},"report":"summary"}}')
    down_data, down = text('{"config":{"depth":1}}', 8192)
    module = wat(MEMORY, VERSION, ALLOC, entry("vq_up", up), entry("vq_down", down), up_data, down_data)
    report = await tried(validator, world(module, module))
    assert {(each.breach.law, each.breach.pointer) for each in report.findings} == {
        ("down(up(x)) = x", "/depth"),
        ("up(down(y, stash)) = y", "/scan/depth"),
        ("up(down(y, stash)) = y", "/report"),
    }
    smallest = {each.breach.pointer: each.input for each in report.findings}
    assert smallest["/depth"] == {"depth": 0}
    assert smallest["/report"]["report"] == "full"


async def test_a_lens_with_its_inverse_is_lossy_where_it_says(validator: ProcessValidator) -> None:
    lens = [
        {"add": {"name": "scan", "type": "object"}},
        {"plunge": {"host": "scan", "name": "depth"}},
        {"add": {"name": "report", "type": "string", "default": "summary"}},
    ]
    back = {"runtime": "lens", "lens": lens_to_json(invert(parse_lens(lens)))}
    undeclared = await tried(validator, world({"runtime": "lens", "lens": lens}, back))
    assert [each.breach.pointer for each in undeclared.findings] == ["/report"]
    declared = await tried(validator, world({"runtime": "lens", "lens": lens}, {**back, "lossy": ["/report"]}))
    assert declared.findings == ()


async def test_a_stored_config_shows_what_no_schema_tells(validator: ProcessValidator) -> None:
    """An open schema: a member that only a real config has is lost, and the finding names that config."""
    opened = {**OLD, "additionalProperties": True}
    only_depth = [
        {"op": "add", "path": "/scan", "value": {}},
        {"op": "move", "from": "/depth", "path": "/scan/depth"},
        {"op": "move", "from": "/scan", "path": ""},
    ]
    more = {"targets__t": {"family": "f"}, "configs__t__1.0.0__real": {"depth": 3, "note": "mine"}}
    report = await tried(validator, world(only_depth, [], old=opened, new=OLD, **more))
    found = {each.breach.pointer: each for each in report.findings if each.source == "1.0.0"}
    assert found["/note"].origin == "configs/t/1.0.0/real"
    assert report.steps[0].tally.configs == 1


# -------------------------------------------------------------------------------------------------- other broken laws


async def test_a_result_that_does_not_fit_is_found_at_the_edge(validator: ProcessValidator) -> None:
    depth = {"type": "integer", "minimum": 0, "maximum": 8}
    narrow = {**NEW, "properties": {**NEW["properties"], "scan": {**OLD, "properties": {"depth": depth}}}}
    down = {"runtime": "json-patch", "patch": DOWN, "lossy": ["/report"]}
    (finding,) = (await tried(validator, world(UP, down, new=narrow))).findings
    assert (finding.breach.law, finding.input) == ("valid(new, up(x))", {"depth": 9})
    assert finding.breach.pointer == "/scan/depth"


async def test_a_guest_that_traps_breaks_the_law(validator: ProcessValidator) -> None:
    module = guest("unreachable")
    report = await tried(validator, world(module, module))
    laws = {(each.breach.law, each.source) for each in report.findings}
    assert ("valid(new, up(x))", "1.0.0") in laws
    assert "unreachable" in next(each.breach.message for each in report.findings if each.source == "1.0.0")


async def test_a_guest_that_never_ends_costs_no_more_than_its_time(validator: ProcessValidator) -> None:
    """Fifty documents at most are spent on a step that carries none."""
    module = guest("(loop $l (br $l)) (i64.const 0)")
    report = await tried(validator, world(module, module), runtime=WasmRuntime(Limits(fuel=100_000)))
    up = report.steps[0].tally
    assert up.carried == 0
    assert 0 < up.tried <= 128
    assert "fuel" in report.findings[0].breach.message


class Forgetful:
    """A runtime with a fault: each answer of the same guest is another one."""

    def __init__(self) -> None:
        self._count = itertools.count()

    async def run(self, call: GuestCall) -> GuestResult:
        config = json.loads(call.envelope)["config"]
        told = {"config": config, "notes": [f"answer {next(self._count)}"]}
        return GuestResult(json.dumps(told).encode(), 1)


async def test_other_bytes_the_second_time_are_found(validator: ProcessValidator) -> None:
    module = guest()
    report = await tried(validator, world(module, module, new=OLD), runtime=Forgetful())
    assert {each.breach.law for each in report.findings} == {"same bytes twice"}


# ---------------------------------------------------------------------------------------------------- bounds and ends


async def test_the_same_seed_finds_the_same(validator: ProcessValidator) -> None:
    one, other = [(await tried(validator, world(UP, DOWN))).as_json() for _ in range(2)]
    assert one == other
    assert one["seed"] == 1


async def test_time_is_bounded_and_said(validator: ProcessValidator) -> None:
    report = await tried(validator, world(UP, DOWN), effort=Effort(count=20_000, budget_s=0.0))
    assert [step.complete for step in report.steps] == [False, False]
    assert all(step.tally.tried < 20_000 for step in report.steps)


async def test_one_direction_alone_is_tried_for_what_can_be_known(validator: ProcessValidator) -> None:
    report = await tried(validator, world(UP, None))
    (step,) = report.as_json()["steps"]
    assert (step["roundTrip"], step["classification"], step["tried"] > 0) == (False, "unproven", True)
    assert report.findings == ()
    backwards = await tried(validator, world(None, DOWN))
    assert backwards.as_json()["steps"][0]["direction"] == "down"


async def test_a_step_that_carries_nothing_proves_nothing(validator: ProcessValidator) -> None:
    never = [{"op": "test", "path": "/depth", "value": "never"}]
    report = await tried(validator, world(never, never, new=OLD))
    assert report.findings == ()
    assert not report.proven
    assert report.as_json()["holds"] is False
    assert report.as_json()["steps"][0]["declined"]["pointer"] == "/depth"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"migrations__f__1.0.0__2.0.0": b"{"}, InvalidInput),
        ({"families__f": {"language": "avro"}}, InvalidInput),
        ({"schemas__f__2.0.0": b""}, InvalidInput),
    ],
)
async def test_what_cannot_be_read_cannot_be_tried(change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        pair(snapshot(world(UP, DOWN, **change)), "f", "1.0.0", "2.0.0")


@pytest.mark.parametrize("key", ["families/f", "schemas/f/1.0.0", "schemas/f/2.0.0"])
async def test_what_is_missing_is_named(key: str) -> None:
    keys = {name: value for name, value in world(UP, DOWN).items() if name != key}
    with pytest.raises(NotFound, match=key):
        pair(snapshot(keys), "f", "1.0.0", "2.0.0")


async def test_a_missing_module_is_named() -> None:
    keys = {name: value for name, value in world(guest(), None).items() if not name.startswith("modules/")}
    with pytest.raises(NotFound, match="modules/"):
        pair(snapshot(keys), "f", "1.0.0", "2.0.0")


async def test_a_schema_that_cannot_judge_is_an_error_and_no_verdict(validator: ProcessValidator) -> None:
    unusable = {**NEW, "properties": {"scan": {"type": "string", "pattern": "(?=a)b"}}}
    with pytest.raises(UnusableSchema):
        await tried(validator, world(UP, DOWN, new=unusable))
