"""Whatever is written is read back as it was, and whatever is read agrees with the standard library."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.core.canonical import INTEGER_MAX, canonical, read_canonical
from versiqiid.core.document import check_value, read
from versiqiid.errors import Unreadable

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), inner)
    ),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_what_json_writes_is_read_back(value: Any) -> None:
    """Through every form that the standard library and RFC 8785 write."""
    check_value(value)
    for raw in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2)):
        assert read(raw.encode()) == value


LARGE = st.floats(min_value=2.0**53, max_value=1e23) | st.integers(2**53, 10**24).map(float)
NUMBERS = LARGE | LARGE.map(float.__neg__) | st.floats(allow_nan=False, allow_infinity=False)
TREES = st.lists(NUMBERS | VALUES, max_size=4) | st.dictionaries(st.text("ab", max_size=3), NUMBERS, max_size=4)


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_the_canonical_form_of_every_document_is_read_by_its_own_rule(value: Any) -> None:
    """What we wrote can be read again and written again, to the same bytes; whatever its numbers are."""
    raw = canonical(value)
    again = read(raw, by_rule=True)
    assert again == value
    assert canonical(again) == raw
    check_value(again)
    assert canonical(read(b"[" + raw + b', "\\ud83d\\ude00"]', by_rule=True)) == b"[" + raw + ',"😀"]'.encode()


# RFC 8785, section 3.2.2.3, after ECMAScript: where a whole number needs no exponent, it has none.
def forms(literal: str) -> bool:
    """The oracle: whether the digits are what the shortest digits of their nearest double say, filled up with zeros."""
    shortest, _, exponent = f"{Decimal(repr(float(literal))):e}".partition("e")
    digits = shortest.removeprefix("-").replace(".", "").rstrip("0")
    sign = "-" if literal.startswith("-") else ""
    return int(exponent) < 21 and literal == sign + digits.ljust(int(exponent) + 1, "0")


WHOLE = st.integers(2**53, 10**23) | LARGE.map(int) | st.integers(2**53, 10**17).map(lambda n: n * 10**4)


@settings(max_examples=500, deadline=None)
@given(WHOLE.map(str) | WHOLE.map(lambda number: f"-{number}"))
def test_only_digits_that_are_the_form_of_a_double_are_one(literal: str) -> None:
    """Any other would silently become another number; and in what an operator wrote, none is taken."""
    assert [forms(each) for each in ("100000000000000000000", "100000000000000000001", "9007199254740993")] == [1, 0, 0]
    for raw in (literal, f'{{"a": [{literal}]}}', f'["\\ud83d\\ude00", {literal}]'):
        if forms(literal):
            text = json.dumps(read(raw.encode(), by_rule=True))
            assert json.dumps(float(literal)) in text
        else:
            with pytest.raises(Unreadable, match="integer beyond"):
                read(raw.encode(), by_rule=True)
        with pytest.raises(Unreadable, match="integer beyond"):
            read(raw.encode())


@pytest.mark.parametrize("digits", ["9" * 23, "9" * 5_000, "1" + "0" * 400, "1" + "0" * 21])
def test_more_digits_than_any_form_has_are_refused_unread(digits: str) -> None:
    with pytest.raises(Unreadable, match="integer beyond"):
        read(digits.encode(), by_rule=True)


PIECES = st.sampled_from(
    [
        *("{", "}", "[", "]", ",", ":", '"a"', '"b"', "1", "-", "1.5", "1e400", "9" * 17, "true", "nul", " ", "\n"),
        *('"\\ud800"', "NaN", "\\", '"', "\t", "a: ", "- ", "&x ", "*x", "? ", "!!str ", "#", "|", "'", "\x00"),
        *("\u0085", "%YAML 1.2\n"),
    ]
)


@settings(max_examples=1500, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=20))
def test_any_text_is_either_a_document_or_unreadable(text: str) -> None:
    """No other error ever comes out, and JSON with nothing wrong in it is read as the standard library reads it."""
    raw = text.encode("utf-8", "surrogatepass")
    try:
        value = read(raw)
    except Unreadable as error:
        assert error.line >= 1  # noqa: PT017  # there is no exception to expect
        assert error.column >= 1  # noqa: PT017
        return
    check_value(value)
    assert read_canonical(canonical(value)) == value


def _no_constant(_: str) -> None:
    raise ValueError


@settings(max_examples=1500, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_the_scan_and_the_standard_library_agree_on_what_json_is(text: str) -> None:
    """The scan that names places is a second reader of the same grammar; an independent one says what is JSON."""
    from versiqiid.core import json_text  # noqa: PLC0415  # inside on purpose: only this test looks behind the door
    from versiqiid.core.document import DOCUMENT_LIMITS  # noqa: PLC0415

    try:
        json.loads(text, parse_constant=_no_constant)
        is_json = True
    except ValueError:
        is_json = False
    try:
        json_text._scan(text, DOCUMENT_LIMITS)
        scanned = True
    except json_text.NotJson:
        scanned = False
    except Unreadable:
        scanned = True
    assert scanned is is_json
