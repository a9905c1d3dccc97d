"""npm's own semver as referee for versions and ranges, where Node.js with npm is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cmp_to_key
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.fixtures import lacking
from versiqiid.core.ranges import parse_range
from versiqiid.core.versions import Scheme, Version, compare, parse
from versiqiid.errors import InvalidVersion

SCRIPT = """
const semver = require(process.argv[1]);
const {texts, ranges} = JSON.parse(require("fs").readFileSync(0, "utf8"));
const canonical = texts.map(text => semver.valid(text));
const valid = texts.filter((_, at) => canonical[at]);
const sorted = [...valid].sort((a, b) => semver.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0));
const judged = range => valid.map(text => semver.satisfies(text, range));
const inside = ranges.map(range => semver.validRange(range) === null ? null : judged(range));
console.log(JSON.stringify({canonical, valid, sorted, inside}));
"""

NUMBER = st.sampled_from(["0", "1", "2", "3", "10"])
PRERELEASE = st.sampled_from(["", "", "", "-0", "-a", "-a.1", "-a.b", "-1.a", "-b", "-z"])
BUILD = st.sampled_from(["", "", "", "", "+b", "+b.1"])
VERSION = st.builds("{}{}.{}.{}{}{}".format, st.sampled_from(["", "", "v"]), NUMBER, NUMBER, NUMBER, PRERELEASE, BUILD)
LOOSE_NUMBER = NUMBER | st.sampled_from(["x", "X", "*", "01", "9007199254740991"])
PARTIAL = st.one_of(
    LOOSE_NUMBER,
    st.builds("{}.{}".format, LOOSE_NUMBER, LOOSE_NUMBER),
    st.builds("{}.{}.{}{}{}".format, NUMBER, NUMBER, NUMBER, PRERELEASE, BUILD),
    st.builds("{}.{}.{}{}{}".format, LOOSE_NUMBER, LOOSE_NUMBER, LOOSE_NUMBER, PRERELEASE, BUILD),
)
PREFIXED = st.builds("{}{}".format, st.sampled_from(["", "", "", "", "v", "=", "==v"]), PARTIAL)
SIGN = st.sampled_from(["", "", "=", "<", "<=", ">", ">=", "~", "~>", "^"])
COMPARATOR = st.builds("{}{}{}".format, SIGN, st.sampled_from(["", "", " ", "  "]), PREFIXED)
ALTERNATIVE = st.one_of(
    st.lists(COMPARATOR, max_size=3).map(" ".join),
    st.builds("{} - {}".format, PREFIXED, PREFIXED),
    st.sampled_from(["*", "", ">x", "<*", ">=0.0.0", "0.0.0-0"]),
)
RANGE = st.lists(ALTERNATIVE, min_size=1, max_size=3).map(" || ".join)
NONSENSE = st.text("012x.*-+vab=<>~^| ", max_size=9)


@pytest.fixture(scope="module")
def package() -> Path:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        lacking("no node and npm here to referee; apt-get install npm brings both")
    parents = [parent / "node_modules" for parent in Path(npm).resolve().parents]
    folders = [folder for parent in parents for folder in (parent / "semver", parent / "npm/node_modules/semver")]
    found = next((folder for folder in folders if (folder / "package.json").is_file()), None)
    return found or lacking("npm here does not carry the semver package")


def referee(package: Path, texts: list[str], ranges: list[str]) -> Any:
    ran = subprocess.run(
        ["node", "-e", SCRIPT, str(package)],
        input=json.dumps({"texts": texts, "ranges": ranges}),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


batches = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.large_base_example, HealthCheck.data_too_large, HealthCheck.too_slow],
)


@given(texts=st.lists(VERSION | st.text("0123v=. -+ax", max_size=8), min_size=150, max_size=150))
@batches
def test_versions_are_those_of_npm_and_so_is_their_order(package: Path, texts: list[str]) -> None:
    verdict = referee(package, texts, [])
    ours: dict[str, Version] = {}
    for text, canonical in zip(texts, verdict["canonical"], strict=True):
        try:
            ours[text] = parse(Scheme.SEMVER, text)
        except InvalidVersion:
            assert canonical is None, text
        else:
            assert ours[text].canonical == canonical
    by_us = [text for text in texts if text in ours]
    by_us.sort(key=cmp_to_key(lambda a, b: compare(ours[a], ours[b]) or (a > b) - (a < b)))
    assert by_us == verdict["sorted"]


@given(texts=st.lists(VERSION, min_size=40, max_size=40), ranges=st.lists(RANGE | NONSENSE, min_size=120, max_size=120))
@batches
def test_ranges_are_those_of_npm_and_take_in_the_same_versions(
    package: Path, texts: list[str], ranges: list[str]
) -> None:
    verdict = referee(package, texts, ranges)
    versions = [parse(Scheme.SEMVER, text) for text in verdict["valid"]]
    for text, inside in zip(ranges, verdict["inside"], strict=True):
        try:
            ours = parse_range(Scheme.SEMVER, text)
        except InvalidVersion:
            assert inside is None, text
        else:
            assert inside == [ours.contains(version) for version in versions], text
