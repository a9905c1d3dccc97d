"""How deep, large and long a document may be, however it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from versiqiid.core.document import Limits, check_value, read
from versiqiid.errors import Unreadable


@pytest.mark.parametrize(
    ("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b"- ", b""), (b"? ", b""), (b"{? ", b"}")]
)
def test_depth_10000_is_refused_without_recursion(opening: bytes, closing: bytes) -> None:
    """Complete or cut off, as JSON or as YAML."""
    for raw in (opening * 10_000, opening * 10_000 + b"1" + closing * 10_000, b"a: " + opening * 10_000):
        with pytest.raises(Unreadable):
            read(raw)


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: {"a": v}])
def test_the_root_has_depth_1(wrap: Any) -> None:
    """A hundred levels are read, in either language; one more is not, and the place is that of the deepest."""
    value: Any = 1
    for _ in range(99):
        value = wrap(value)
    text = json.dumps(value).encode()
    assert read(text) == value
    assert read(b"--- " + text) == value
    check_value(value)
    for raw in (json.dumps(wrap(value)).encode(), b"--- " + json.dumps(wrap(value)).encode()):
        with pytest.raises(Unreadable, match="100 levels deep") as caught:
            read(raw)
        assert raw[caught.value.column - 1 :].startswith(b"1")
    with pytest.raises(Unreadable, match="100 levels deep"):
        check_value(wrap(value))


def test_values_are_counted_root_included_keys_not() -> None:
    """Exactly as many as allowed are read."""
    limits = Limits(values_max=6)
    for raw in (b'{"a": [1, 2], "b": {}, "c": 3}', b"a: [1, 2]\nb: {}\nc: 3", b"[&x [1], *x, 1]"):
        read(raw, limits=limits)
    for raw in (b'{"a": [1, 2], "b": {}, "c": [3]}', b"a: [1, 2]\nb: {}\nc: [3]", b"[&x [1, 2], *x]"):
        with pytest.raises(Unreadable, match="more than 6 values"):
            read(raw, limits=limits)


def test_bytes_are_counted_as_read() -> None:
    """One byte more than allowed is refused, before anything is parsed."""
    read(b'"' + b"x" * 8 + b'"', limits=Limits(bytes_max=10))
    with pytest.raises(Unreadable, match="11 bytes"):
        read(b'"' + b"x" * 9 + b'"', limits=Limits(bytes_max=10))


def test_bytes_are_counted_again_in_canonical_form() -> None:
    """Few bytes can say a long number, and an alias a long text."""
    with pytest.raises(Unreadable, match="canonical form"):
        read(b"[" + b"1e20," * 30_000 + b"1]")
    with pytest.raises(Unreadable, match="aliases expanded"):
        read(b"[&a '" + b"x" * 90_000 + b"', *a, *a, *a]")
    with pytest.raises(Unreadable, match="canonical form"):
        read(b'["' + b"\\0" * 100_000 + b'"]')


BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + i, 98 + i, b", ".join([b"*%c" % (97 + i)] * 9)) for i in range(12)
)


def test_an_alias_bomb_is_stopped_before_it_expands() -> None:
    """Three hundred billion values are refused at the first alias that goes over the limit."""
    with pytest.raises(Unreadable, match="aliases expanded") as caught:
        read(BOMB)
    assert caught.value.line <= 6


def test_an_alias_takes_its_depth_along() -> None:
    """Short to write, deep to read."""
    raw = b"a0: &a0 [1]\n" + b"".join(b"a%d: &a%d [*a%d]\n" % (i, i, i - 1) for i in range(1, 120))
    with pytest.raises(Unreadable, match="100 levels deep"):
        read(raw)


def test_json_over_a_limit_is_not_tried_again_as_yaml() -> None:
    """The sentence is that of JSON: YAML would count aliases."""
    with pytest.raises(Unreadable, match=r"more than 100000 values \(") as caught:
        read(b"[" + b"1," * 100_000 + b"1]")
    assert caught.value.column == 200_000


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [{1: 2}]}, "no text, at /a/0"),
        ({"a~/": 2**53}, "integer beyond ±9007199254740991, at /a~0~1"),
        ([float("nan")], "not finite, at /0"),
        (["\ud800"], "surrogate, which is no character, at /0"),
        ({"\ud800": 1}, "no text, at the root"),
        ([(1,)], "JSON cannot express, at /0"),
        ([b"x"], "JSON cannot express, at /0"),
        ("x" * 350_001, "350000 bytes"),
        ("x" * 349_999, "350001 bytes in canonical form"),
        ([1] * 100_000, "100000 values"),
        ({"x": ["y" * 1000] * 400}, "350000 bytes"),
    ],
)
def test_a_value_that_is_no_document_is_refused(value: Any, words: str) -> None:
    """What a migration gives is held to the same limits."""
    with pytest.raises(Unreadable) as caught:
        check_value(value)
    assert words in caught.value.message
