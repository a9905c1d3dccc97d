"""Bytes to document: what is read, what is refused, and the place that is named."""

from __future__ import annotations

from typing import Any

import pytest

from versiqiid.core.canonical import INTEGER_MAX
from versiqiid.core.document import read
from versiqiid.errors import Unreadable


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": [1, 1.5, "x", true, false, null]}', {"a": [1, 1.5, "x", True, False, None]}),
        (b"\xef\xbb\xbf{}", {}),
        (b"null", None),
        (b' "x" \r\n', "x"),
        (b"-0", 0),
        (b"9007199254740991", INTEGER_MAX),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\u0000"', "\x00"),
        (b"1e-400", 0.0),
        (b"\xef\xbb\xbfa: 1", {"a": 1}),
    ],
)
def test_json_is_read(raw: bytes, value: Any) -> None:
    """JSON means what RFC 8259 says."""
    assert read(raw) == value


@pytest.mark.parametrize(
    ("raw", "kind"), [(b"1", int), (b"1.0", float), (b"1e2", float), (b"1e20", float), (b"-0.0", float)]
)
def test_a_number_is_what_its_literal_says(raw: bytes, kind: type) -> None:
    """An integer has neither fraction nor exponent; a whole double is a number, however large."""
    assert type(read(raw)) is kind
    assert type(read(b"a: " + raw)["a"]) is kind


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        (b"no", "no"),
        (b"on", "on"),
        (b"y", "y"),
        (b"NULL", None),
        (b"~", None),
        (b"", None),
        (b"nuLL", "nuLL"),
        (b"TRUE", True),
        (b"tRUE", "tRUE"),
        (b"010", 10),
        (b"+12", 12),
        (b"-0", 0),
        (b"0o17", 15),
        (b"0O17", "0O17"),
        (b"0o8", "0o8"),
        (b"0x1F", 31),
        (b"-0x1F", "-0x1F"),
        (b"0b1", "0b1"),
        (b"1_000", "1_000"),
        (b"190:20:30", "190:20:30"),
        (b"2001-12-15", "2001-12-15"),
        (b"2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        (b".5", 0.5),
        (b"1.", 1.0),
        (b"1e3", 1000.0),
        (b"+.5E-1", 0.05),
        (b".", "."),
        (b"1e", "1e"),
        (b"=", "="),
        (b"<<", "<<"),
        (b"NaN", "NaN"),
        (b"'1'", "1"),
        (b'"1"', "1"),
        (b"!!str 1", "1"),
        (b"! 1", "1"),
        (b'!!int "12"', 12),
        (b"!!float 1", 1.0),
        (b"!!null null", None),
        (b"!!bool true", True),
        (b"!!seq []", []),
        (b"!!map {}", {}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"|\n  x\n  y\n", "x\ny\n"),
    ],
)
def test_yaml_scalars_follow_the_core_schema(scalar: bytes, value: Any) -> None:
    """YAML 1.2.2, section 10.3.2, whatever a %YAML directive claims."""
    got = read(b"a: " + scalar)["a"]
    assert got == value
    assert type(got) is type(value)
    assert read(b"%YAML 1.1\n---\na: " + scalar)["a"] == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"<<: {a: 1}\nb: 2", {"<<": {"a": 1}, "b": 2}),
        (b"[1,]", [1]),
        (b'{"a": NaN}', {"a": "NaN"}),
        (b"{'a': 01}", {"a": 1}),
        (b"---\na: 1\n...\n", {"a": 1}),
        (b"# only\n--- x", "x"),
        (b"&a {x: &b [1], y: *b}", {"x": [1], "y": [1]}),
        (b"[&a 1, &a 2, *a]", [1, 2, 2]),
        (b"&k a: *k", {"a": "a"}),
        (b"[&k a, {*k : 1}]", ["a", {"a": 1}]),
    ],
)
def test_what_is_no_json_is_read_as_yaml(raw: bytes, value: Any) -> None:
    """To the letter, also where it looks like JSON with a mistake."""
    assert read(raw) == value


def test_an_expanded_alias_is_a_value_of_its_own() -> None:
    """Changing one place of a document never changes another."""
    value = read(b"a: &x [[1]]\nb: *x\n")
    value["a"][0].append(2)
    assert value["b"] == [[1]]


@pytest.mark.parametrize(
    ("raw", "line", "column", "words"),
    [
        (b"", 1, 1, "empty"),
        (b" \t\r\n", 1, 1, "empty"),
        (b"\xef\xbb\xbf", 1, 1, "empty"),
        (b"# nothing", 1, 1, "only comments"),
        (b"a: \xff", 1, 4, "UTF-8"),
        ("é: 1\né: \udcff".encode("utf-8", "surrogateescape"), 2, 4, "UTF-8"),
        (b"\xed\xa0\x80", 1, 1, "UTF-8"),
        (b'{"a": 1,\n "a": 2}', 2, 2, "already"),
        (b'{"a": 1, "\\u0061": 2}', 1, 10, "already"),
        (b'[{"x": {"b": 1, "b": 1}}]', 1, 17, "already"),
        (b"a: 1\nb: 2\na: 3", 3, 1, "already"),
        (b"{a: 1, a: 2}", 1, 8, "already"),
        (b'"a": 1\na: 2', 2, 1, "already"),
        (b"1: a", 1, 1, "no text"),
        (b"true: a", 1, 1, "no text"),
        (b"~: a", 1, 1, "no text"),
        (b"? [a]\n: b", 1, 3, "no text"),
        (b"? {a: 1}\n: b", 1, 3, "no text"),
        (b"- &a [1]\n- {*a : 1}", 2, 4, "no text"),
        (b"a: 1\n---\nb: 2", 2, 1, "second document"),
        (b"[.nan]", 1, 2, "not finite"),
        (b"a: -.INF", 1, 4, "not finite"),
        (b"!!float .inf", 1, 1, "not finite"),
        (b'["\\ud800"]', 1, 2, "surrogate"),
        (b'{"\\udc00\\ud800": 1}', 1, 2, "surrogate"),
        (b'a: "\\ud800"', 1, 4, "surrogate"),
        (b"[9007199254740992]", 1, 2, "integer"),
        (b"[1,\n -9007199254740992]", 2, 2, "integer"),
        (b"a: 9007199254740992", 1, 4, "integer"),
        (b"a: 0x20000000000000", 1, 4, "integer"),
        (b"a: 0o400000000000000000", 1, 4, "integer"),
        (b"9" * 5000, 1, 1, "integer"),
        (b"a: " + b"9" * 5000, 1, 4, "integer"),
        (b"[1e400]", 1, 2, "double"),
        (b"[-1E400]", 1, 2, "double"),
        (b"a: 1e400", 1, 4, "double"),
        (b"!!set {a, b}", 1, 1, "tag"),
        (b"a: !!binary aGk=", 1, 4, "tag"),
        (b"a: !!timestamp 2001-12-15", 1, 4, "tag"),
        (b"a: !mine x", 1, 4, "tag"),
        (b"a: !!int x", 1, 4, "tag"),
        (b"a: !!bool yes", 1, 4, "tag"),
        (b"a: !!str [x]", 1, 4, "tag"),
        (b"&a [*a]", 1, 5, "alias"),
        (b"[*a]", 1, 2, "alias"),
        (b"a: b: c", 1, 5, "YAML"),
        (b"a: \x01", 1, 4, "character"),
        (b'a: "\\UFFFFFFFF"', 1, 2, "YAML"),
        (b'{"a" 1}', 1, 6, "':'"),
        (b'{"a": 1}}', 1, 9, "end of the text"),
        (b'{"a": 1 "b": 2}', 1, 9, "','"),
        (b'{\n "a": "x\n}', 2, 9, "string"),
        (b'{\n "a": "x}', 2, 7, "string"),
        (b'["\\x"]', 1, 3, "escape"),
        (b"{'a: 1}", 1, 2, "key"),
    ],
)
def test_what_is_unreadable_is_told_with_its_place(raw: bytes, line: int, column: int, words: str) -> None:
    """Line and column count from 1; what begins like JSON and is neither is told where it stops being JSON."""
    with pytest.raises(Unreadable) as caught:
        read(raw)
    assert words in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


def test_no_value_stands_in_a_message() -> None:
    """A document may hold a secret, and a message goes everywhere."""
    for raw in (
        b'{"k": hunter2: "x"}',
        b"k: hunter2: x",
        b"k: !mine hunter2",
        b'["hunter2", 1e999]',
        b"hunter2: &h [*h]",
    ):
        with pytest.raises(Unreadable) as caught:
            read(raw)
        assert "hunter2" not in str(caught.value)
