"""One bad range makes the whole target unreadable, wherever in it the range stands."""

from __future__ import annotations

import json

import pytest

from versiqiid.core.objects import read_override, read_target
from versiqiid.errors import Unreadable

RANGES = (">=1.5,<2", "^1.4", "~=1.4", "==1.*", ">=2025.07 <2026.01", "abcdef1 || abcdef2", "1.x", "7", "*", "")
"""Each a range of some scheme: which one is meant, the other target says."""


@pytest.mark.parametrize("field", ["requires", "accepts"])
@pytest.mark.parametrize("text", ["latest", ">=one,<2", "=>1", "^^1", "1.4.0.0 || nope"])
def test_a_text_that_is_a_range_of_no_scheme_is_told_with_its_field_and_target(field: str, text: str) -> None:
    document = {field: {"auth": text}}
    for reader, more in ((read_target, {"family": "f"}), (read_override, {})):
        with pytest.raises(Unreadable, match=f"'{field}'.*'auth' is a range of no scheme"):
            reader(json.dumps(document | more).encode())


@pytest.mark.parametrize("text", RANGES)
def test_a_range_of_any_scheme_is_taken(text: str) -> None:
    document = json.dumps({"family": "f", "requires": {"auth": text}, "accepts": {"auth": text}}).encode()
    assert [c.range_text for c in read_target(document).requires] == [text]


def test_a_bad_range_of_a_schema_is_told_too() -> None:
    with pytest.raises(Unreadable, match=r"'schemas'.*'latest'"):
        read_target(b'{"family": "f", "schemas": {"latest": "1.0.0"}}')
