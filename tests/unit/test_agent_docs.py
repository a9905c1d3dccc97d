"""docs/agent.md names every setting, state and format, and its example is taken."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from versiqiid.agent import settings
from versiqiid.agent.plan import State
from versiqiid.agent.settings import AgentSettings, FileSettings, ProbeSettings, TargetSettings, VersionSettings

PAGE = (Path(__file__).parents[2] / "docs" / "agent.md").read_text()


def rows(heading: str) -> set[str]:
    """The first cells of the table under a heading, without their marks."""
    section = re.split(r"^#+ ", PAGE.partition(heading)[2], maxsplit=1, flags=re.MULTILINE)[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("### `[agent]`", AgentSettings),
        ("### `[[agent.targets]]`", TargetSettings),
        ("### `[[agent.targets.files]]`", FileSettings),
        ("### `probe`", ProbeSettings),
        ("### `version`", VersionSettings),
    ],
)
def test_every_setting_is_documented(heading: str, model: type[AgentSettings]) -> None:
    """No more and no fewer."""
    assert rows(heading) == {name.replace("_", "-") for name in model.model_fields}


def test_every_state_and_format_is_documented() -> None:
    """``Idle`` is the agent's, not a file's."""
    assert rows("## The report") == {state.value for state in State} | {"Idle"}
    assert rows("## Formats") == set(get_args(settings.Format))


def test_the_example_is_taken() -> None:
    """As it stands on the page."""
    table = tomllib.loads(PAGE.partition("```toml\n")[2].partition("```")[0])
    assert settings.read_settings(table["agent"]).idle_reason == ""
