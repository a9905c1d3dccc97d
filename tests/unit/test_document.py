"""Bytes to document: what is read, what is refused, and the place that is named."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.core.canonical import INTEGER_MAX, canonical, read_canonical
from versiqiid.core.document import Limits, check_value, read
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
