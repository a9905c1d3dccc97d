"""The AsyncAPI document as AsyncAPI's own parser understands it: without a fault, and as it was meant."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.services.fixtures import lacking
from versiqiid.core.cloudevent import Mode
from versiqiid.core.events import CATALOGUE, Described, Topic, asyncapi, topics_of

PACKAGE, VERSION = "@asyncapi/parser", "3.6.3"  # Apache-2.0
PROGRAM = Path(__file__).with_name("asyncapi_parse.mjs")
WARNING = 1
"""Severities begin with 0, an error; from 2 on they are advice."""


@pytest.fixture(scope="module")
def parser() -> Path:
    """The folder that the parser is installed in: in the cache, outside the checkout, fetched once."""
    if shutil.which("node") is None or (npm := shutil.which("npm")) is None:
        lacking("no node and npm to run @asyncapi/parser with: apt-get install nodejs npm")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "versiqii" / "npm"
    held = cache / f"asyncapi-parser-{VERSION}"
    if not held.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = Path(folder) / "made"
            wanted = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(made)]
            done = subprocess.run([*wanted, f"{PACKAGE}@{VERSION}"], capture_output=True, timeout=280, check=False)
            if done.returncode != 0:
                lacking(f"npm could not fetch {PACKAGE}; it is needed once, with a package registry in reach")
            if not held.exists():
                made.rename(held)
    return held


def parsed(parser: Path, *documents: dict[str, Any]) -> list[dict[str, Any]]:
    """What it says of each; one process for all of them, because starting it takes the longest."""
    done = subprocess.run(
        ["node", str(PROGRAM), str(parser)], input=json.dumps(documents).encode(), capture_output=True, check=True
    )
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


def faults(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [problem for problem in told["problems"] if problem["severity"] <= WARNING]


def of_one_type() -> dict[str, Any]:
    """The document with one type of event left: the parser takes seconds for all of them."""
    document = asyncapi()
    for holder in (document["components"], *document["channels"].values()):
        holder["messages"] = {name: told for name, told in holder["messages"].items() if name == "EffectiveApplied"}
    for operation in document["operations"].values():
        operation["messages"] = [one for one in operation["messages"] if one["$ref"].endswith("/EffectiveApplied")]
    del document["channels"]["drift"], document["operations"]["send-drift"]
    return document


def test_the_parser_finds_no_fault_and_reads_what_was_meant(parser: Path) -> None:
    """In both modes: channels by their addresses, every type on its topics by its ce_type, and the bodies' members."""
    base = "https://v.example/events/schemas"
    both = parsed(parser, *(asyncapi(Described("acme", mode), schema_base=base) for mode in Mode))
    for told, member in zip(both, ("event_type", "specversion"), strict=True):
        assert faults(told) == []
        assert {channel["address"]: sorted(channel["messages"]) for channel in told["channels"]} == {
            f"acme.{topic.value}": sorted(f"io.versiqii.{name}.v1" for name in CATALOGUE if topic in topics_of(name))
            for topic in Topic
        }
        assert {action for _, action in told["sends"]} == {"send"}
        assert all(member in payload for payload in told["payloads"])


BROKEN: list[tuple[tuple[str, ...], Any]] = [
    (("channels", "audit", "messages", "EffectiveApplied", "$ref"), "#/components/messages/Nothing"),
    (("operations", "send-audit", "action"), "shout"),
    (("components", "messages", "EffectiveApplied", "correlationId", "location"), "somewhere"),
    (("info", "version"), None),
]


def test_the_parser_refuses_what_is_broken(parser: Path) -> None:
    """So that finding no fault means something: each of these copies has one, and the whole one none."""
    copies = [of_one_type()]
    for path, value in BROKEN:
        place: Any = of_one_type()
        copies.append(place)
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value
    whole, *broken = parsed(parser, *copies)
    assert faults(whole) == []
    for (path, _), told in zip(BROKEN, broken, strict=True):
        assert faults(told) != [], path
