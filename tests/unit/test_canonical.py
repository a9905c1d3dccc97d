"""RFC 8785: the fast path and the rule never differ, and equal values have equal bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.core.canonical import INTEGER_MAX, canonical, digest, read_canonical

TEXT = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ['"', "\\", "\x7f", "\x00", "\u2028", "\ufffd", "\uffff", "😀", "1.5", ":1.5", ",12345678901234567", "[0e"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(VALUES)
def test_the_fast_path_writes_what_the_rule_writes(value: Any) -> None:
    """Whatever way a value takes, the bytes are those of the library that implements the rule."""
    assert canonical(value) == rfc8785.dumps(value)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_reading_it_back_and_writing_it_again_changes_nothing(value: Any) -> None:
    """The canonical form is a fixed point."""
    raw = canonical(value)
    assert read_canonical(raw) == value
    assert canonical(read_canonical(raw)) == raw


@pytest.mark.parametrize(
    "raw",
    [b" 1", b"1.0", b'{"b":1,"a":2}', b'{"a":1,"a":1}', b"[1, 2]", b'"\\u0041"', b"NaN", b"", b"\xff", b"1e400", b"x"],
)
def test_only_a_canonical_form_is_read_as_one(raw: bytes) -> None:
    """Anything else was written by somebody else."""
    with pytest.raises(ValueError):  # noqa: PT011  # whatever kind of ValueError: the caller asks no further
        read_canonical(raw)


# RFC 8785, section 3.2.2.3 and appendix B: IEEE 754 bits and what ECMAScript writes for them.
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, b"0"),
        (-0.0, b"0"),
        (5e-324, b"5e-324"),
        (1.7976931348623157e308, b"1.7976931348623157e+308"),
        (9007199254740992.0, b"9007199254740992"),
        (295147905179352830000.0, b"295147905179352830000"),
        (9.999999999999997e22, b"9.999999999999997e+22"),
        (1e23, b"1e+23"),
        (1e21, b"1e+21"),
        (1e20, b"100000000000000000000"),
        (1e-6, b"0.000001"),
        (1e-7, b"1e-7"),
        (333333333.3333332, b"333333333.3333332"),
        (1.0, b"1"),
    ],
)
def test_numbers_are_written_as_ecmascript_writes_them(value: float, text: bytes) -> None:
    """Alone, in an array and in an object."""
    assert canonical(value) == text
    assert canonical([value]) == b"[" + text + b"]"
    assert canonical({"a": value}) == b'{"a":' + text + b"}"


def test_keys_are_sorted_by_utf16() -> None:
    """The example of RFC 8785, section 3.2.3: an emoji comes before a private-use character."""
    value = dict.fromkeys(["\u20ac", "\r", "\ufb33", "1", "😀", "\u0080", "\u00f6"])
    assert list(json.loads(canonical(value))) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "😀", "\ufb33"]


@pytest.mark.parametrize("value", [2**53, -(2**53), [2**53], float("nan"), [float("inf")], "\ud800", {"\udfff": 1}])
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    """Never written as something else."""
    with pytest.raises(ValueError):  # noqa: PT011  # of the library or of the standard library
        canonical(value)


def test_a_digest_names_its_algorithm() -> None:
    """The digest of nothing is a constant of SHA-256 (FIPS 180-4)."""
    assert digest(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
