"""The public JSON-Schema-Test-Suite, draft 2020-12: both validators, every group, no network."""

from __future__ import annotations

import json
import tarfile
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from versiqiid.core.schema import compile_schema, violations
from versiqiid.core.schema.explain import reference_errors

ARCHIVE = Path(__file__).parents[3] / "shared/vectors/json-schema-test-suite-draft2020-12.tar.gz"

pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason="../shared/vectors is not here")

COUNTS = {"required": 1299, "optional": 162, "format": 764}

# (part, file, group, test) → why the suite's verdict is not ours. Optional and format tests only; a required one never.
DEVIATIONS: dict[tuple[str, str, str, str], str] = {}


@lru_cache(maxsize=1)
def suite() -> tuple[dict[str, Any], dict[str, dict[str, list[dict[str, Any]]]]]:
    """The remotes by URI, and of each part the groups by file."""
    remotes: dict[str, Any] = {}
    parts: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(dict)
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if not member.isfile() or not name.endswith(".json"):
                continue
            file = archive.extractfile(member)
            assert file is not None
            content = json.load(file)
            head, _, rest = name.partition("/")
            if head == "remotes":
                remotes[f"http://localhost:1234/{rest}"] = content
            else:
                where = rest.removeprefix("draft2020-12/").rpartition("/")
                part = {"": "required", "optional": "optional", "optional/format": "format"}[where[0]]
                parts[part][where[2]] = content
    return remotes, parts


def cases() -> list[tuple[str, str]]:
    if not ARCHIVE.exists():
        return []
    return [(part, name) for part, files in suite()[1].items() for name in sorted(files)]


@pytest.mark.parametrize(("part", "name"), cases())
def test_both_validators_agree_with_the_suite(part: str, name: str) -> None:
    """Every verdict of the file is that of the deciding validator, of the explaining one, and of the explanation."""
    remotes, parts = suite()
    for group in parts[part][name]:
        compiled = compile_schema(group["schema"], formats=part == "format", registry=remotes)
        for case in group["tests"]:
            if (part, name, group["description"], case["description"]) in DEVIATIONS:
                continue
            where = f"{group['description']}: {case['description']}"
            assert compiled.fits(case["data"]) is case["valid"], where
            assert (next(reference_errors(compiled, case["data"]), None) is None) is case["valid"], where
            assert (violations(compiled, case["data"]) == ()) is case["valid"], where


@pytest.mark.parametrize("part", COUNTS)
def test_the_suite_is_complete(part: str) -> None:
    """No file is forgotten, and nothing that is required is excused."""
    files = suite()[1][part]
    assert sum(len(group["tests"]) for groups in files.values() for group in groups) == COUNTS[part]
    assert not any(key[0] == "required" for key in DEVIATIONS)
