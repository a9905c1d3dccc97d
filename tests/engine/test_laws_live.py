"""The laws are tried on every config that is stored, however many there are, and on thousands of others beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.engine.test_lawcheck import tried
from versiqiid.adapters.validation import ProcessValidator
from versiqiid.api.migrations import REGISTRATION
from versiqiid.engine.lawcheck import Effort

pytestmark = pytest.mark.anyio

OPEN = {"type": "object", "properties": {"depth": {"type": "integer", "minimum": 0, "maximum": 10**6}}}
SAME = {"runtime": "lua", "source": "function migrate(config, context) return config end"}
DROPS = {
    "runtime": "lua",
    "source": "function migrate(config, context)\n  if config.legacy == 'yes' then config.legacy = nil end\n"
    "  return config\nend",
}


@pytest.fixture(scope="module")
async def validator() -> AsyncIterator[ProcessValidator]:
    async with ProcessValidator() as started:
        yield started


def family(up: Any, **configs: Any) -> dict[str, Any]:
    """A family whose documents say little, so that what is generated is not what is stored."""
    keys: dict[str, Any] = {"families/f": {}, "schemas/f/1.0.0": OPEN, "schemas/f/2.0.0": OPEN}
    keys |= {"targets/t": {"family": "f", "schemas": {"*": "1.0.0"}}}
    keys |= {"migrations/f/1.0.0/2.0.0": up, "migrations/f/2.0.0/1.0.0": SAME}
    return keys | {f"configs/t/1.0.0/{name}": value for name, value in configs.items()}


async def test_all_stored_configs_are_tried_though_they_are_more_than_was_asked_for(
    validator: ProcessValidator,
) -> None:
    """40 of them with an effort of 10; on the way back, where none is stored, it is 10."""
    configs = {f"c{number}": {"depth": number} for number in range(40)}
    report = await tried(validator, family(SAME, **configs), effort=Effort(count=10, budget_s=60))
    up, down = report.as_json()["steps"]
    assert (up["configs"], up["tried"]) == (40, 40)
    assert (down["configs"], down["tried"]) == (0, 10)
    assert report.findings == ()


async def test_what_only_one_stored_config_shows_is_found(validator: ProcessValidator) -> None:
    """No generated document has this member with this value; the last of 30 configs has."""
    configs: dict[str, Any] = {f"c{number:02}": {"depth": number} for number in range(29)}
    without = await tried(validator, family(DROPS, **configs), effort=Effort(count=300, budget_s=60))
    assert without.findings == ()
    odd = {"depth": 1, "legacy": "yes"}
    report = await tried(validator, family(DROPS, **configs, zz=odd), effort=Effort(count=10, budget_s=60))
    (finding,) = report.findings
    assert (finding.breach.pointer, finding.input) == ("/legacy", {"legacy": "yes"})
    assert finding.as_json()["origin"] == "configs/t/1.0.0/zz"


async def test_a_registration_tries_thousands_where_there_is_time(validator: ProcessValidator) -> None:
    """The same effort as at registration, but for the time, which is the machine's."""
    effort = Effort(count=REGISTRATION.count, twice_max=REGISTRATION.twice_max, budget_s=600)
    patch = {"runtime": "json-patch", "patch": []}
    keys = family(patch) | {"migrations/f/2.0.0/1.0.0": patch}
    report = await tried(validator, keys, effort=effort)
    assert [step.tally.tried for step in report.steps] == [2_000, 2_000]
    assert [step.complete for step in report.steps] == [True, True]
