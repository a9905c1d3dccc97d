"""What goes into a guest and what is taken for an answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.canonical import canonical, read_canonical
from versiqiid.core.envelope import OUTPUT_BYTES_MAX, Answer, build, interpret, sentence
from versiqiid.errors import MigrationFailed

text = st.text(st.characters(codec="utf-8"), max_size=20)
fractions = st.floats(allow_nan=False, allow_infinity=False) | st.integers(2**53, 10**22).map(float)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | fractions
values = st.recursive(
    scalars | text, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=12
)


def failure(output: bytes) -> MigrationFailed:
    with pytest.raises(MigrationFailed) as caught:
        interpret(output)
    return caught.value


def test_the_envelope_is_canonical_and_says_nothing_of_the_environment() -> None:
    """Exactly the three members of the contract; a stash only when there is one."""
    config = {"b": 1.0, "a": "é"}
    made = build(config, family="scan-engine", frm="1.0.0", to="2.0.0")
    assert made == '{"config":{"a":"é","b":1},"context":{"family":"scan-engine","from":"1.0.0","to":"2.0.0"}}'.encode()
    kept = build(config, family="f", frm="2", to="1", stash={"x": []})
    assert kept == '{"config":{"a":"é","b":1},"context":{"family":"f","from":"2","to":"1"},"stash":{"x":[]}}'.encode()


@given(values, values, st.lists(st.just("a note"), max_size=3))
def test_an_answer_comes_back_as_it_was_given(config: object, stash: object, notes: list[str]) -> None:
    """Whatever JSON a guest writes, in whatever way, is the config that it meant."""
    answer = {"config": config, "stash": stash, "notes": notes}
    for written in (canonical(answer), json.dumps(answer, indent=2).encode()):
        assert interpret(written) == Answer(config, stash, tuple(notes))


@given(values)
def test_build_and_interpret_agree_on_a_config(config: object) -> None:
    """A guest that gives its envelope back, without the context, gives back the config."""
    envelope = read_canonical(build(config, family="f", frm="1", to="2"))
    del envelope["context"]
    assert interpret(canonical(envelope)) == Answer(config)


@given(st.binary(max_size=60))
def test_rubbish_is_never_an_answer_and_never_a_crash(output: bytes) -> None:
    """Random bytes end in the one error of migrations."""
    assert failure(output).message.startswith("output is not ")


@given(values)
def test_json_that_is_no_answer_is_refused(value: object) -> None:
    """Only an object with config or error can be one."""
    if not (isinstance(value, dict) and value.keys() & {"config", "error"}):
        assert failure(canonical(value)).message.startswith("output is not ")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (b"", "output is not JSON at character 0"),
        (b"\xef\xbb\xbf{}", "output is not JSON at character 0"),
        (b'{"config":1} x', "output is not JSON at character 13"),
        (b"config: 1", "output is not JSON at character 0"),
        (b'{"config":\xff}', "output is not UTF-8 at byte 10"),
        (b"[]", "output is not a JSON object"),
        (b"{}", "output is not an object with config or error"),
        (b'{"stash":1}', "output is not an object with config or error"),
        (b'{"config":1,"extra":2}', "output is not an object with config and notes and stash only: it has 1 other"),
        (b'{"config":1,"error":"no"}', "output is not an object with error and pointer only: it has 1 other"),
        (b'{"config":1,"pointer":""}', "output is not an object with config and notes and stash only: it has 1 other"),
        (b'{"error":"no","stash":1}', "output is not an object with error and pointer only: it has 1 other"),
        (b'{"error":1}', "output is not an object whose error is a sentence"),
        (b'{"error":" \\u0007 "}', "output is not an object whose error is a sentence"),
        (b'{"error":"no","pointer":1}', "output is not an object whose pointer is an RFC 6901 JSON Pointer"),
        (b'{"error":"no","pointer":"a/b"}', "output is not an object whose pointer is an RFC 6901 JSON Pointer"),
        (b'{"error":"no","pointer":"/~2"}', "output is not an object whose pointer is an RFC 6901 JSON Pointer"),
        (b'{"error":"no","pointer":"/a\\nb"}', "output is not an object whose pointer can be printed"),
        (b'{"config":1,"notes":{}}', "output is not an object whose notes are a list of at most 100 sentences"),
        (b'{"config":1,"notes":[1]}', "output is not an object whose notes are a list of at most 100 sentences"),
        (b'{"config":1,"config":1}', "output is not acceptable JSON: a key that its object has already"),
        (b'{"config":9007199254740993}', "output is not acceptable JSON: an integer beyond"),
        (b'{"config":1e400}', "output is not acceptable JSON: a number that no IEEE 754 double holds"),
        (b'{"config":NaN}', "output is not JSON at character 10"),
        (b'{"config":"\\ud800"}', "output is not acceptable JSON: a lone surrogate"),
        (b'{"config":' + b"[" * 200 + b"]" * 200 + b"}", "output is not acceptable JSON: nested more than 101"),
        (b'{"config":' + b"[" * 5000 + b"]" * 5000 + b"}", "output is not acceptable JSON: nested more than 101"),
        (b" " * (OUTPUT_BYTES_MAX + 1), "output is not within 800,000 bytes but has 800,001"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_what_is_not_exactly_an_answer_is_refused(output: bytes, expected: str) -> None:
    """Each with a sentence that says what was expected, and none of the guest's bytes."""
    error = failure(output)
    assert error.message.startswith(expected)
    assert error.pointer is None


def test_a_config_and_a_stash_are_documents() -> None:
    """Each within the limits of a document, whatever room the output has."""
    most = b'"' + b"x" * 349_998 + b'"'
    assert interpret(b'{"config":%b,"stash":%b}' % (most, most)).stash == "x" * 349_998
    for place in (b'{"config":"x%b}' % most[1:], b'{"config":1,"stash":"x%b}' % most[1:]):
        assert "350001 bytes in canonical form, and a document is at most 350000" in failure(place).message
    deep = b"[" * 100 + b"]" * 100
    assert interpret(b'{"config":%b}' % deep).config == json.loads(deep)
    many = b"[" + b"0," * 99_999 + b"0]"
    assert "config is more than 100000 values" in failure(b'{"config":%b}' % many).message


def test_a_whole_double_comes_back_as_it_went_in() -> None:
    """RFC 8785 writes it with all its digits; a guest may copy them, or write an exponent, but not other digits."""
    assert build(1e20, family="f", frm="1", to="2").startswith(b'{"config":100000000000000000000,')
    for written in (b"1e20", b"1e+20", b"100000000000000000000"):
        (config,) = {interpret(b'{"config":%b}' % written).config}
        assert (type(config), config) == (float, 1e20)
    assert "an integer beyond" in failure(b'{"config":100000000000000000001}').message
    assert "an integer beyond" in failure(b'{"config":0,"stash":[9007199254740993]}').message


def test_a_refusal_carries_the_guests_sentence_and_pointer() -> None:
    """The pointer may be missing, null, or the root."""
    error = failure(b'{"error":"the depth has no limit","pointer":"/limits/a~1b~0"}')
    assert (error.message, error.pointer) == ("the depth has no limit", "/limits/a~1b~0")
    assert failure(b'{"error":"no"}').pointer is None
    assert failure(b'{"error":"no","pointer":null}').pointer is None
    assert failure(b'{"error":"no","pointer":""}').pointer == ""


def test_words_of_a_guest_are_cut_and_cleaned() -> None:
    """Nothing that moves a cursor, hides text or turns its direction reaches a terminal."""
    assert sentence("one\n\ttwo\u2028 three\u202e\x1b[31m\x00\ue000 ") == "one two three[31m"
    assert sentence("x" * 1000) == "x" * 1000
    assert sentence("x" * 1001) == "x" * 999 + "…"
    error = failure(json.dumps({"error": "a\u001b]0;title\u0007b" * 400}).encode())
    assert len(error.message) == 1000
    assert error.message.isprintable()
    assert interpret(b'{"config":1,"notes":["a\\nb"]}').notes == ("a b",)


@given(st.text())
def test_a_sentence_is_one_printable_line(words: str) -> None:
    """Whatever it is made of; cleaning twice changes nothing."""
    line = sentence(words)
    assert len(line) <= 1000
    assert len(line.splitlines()) <= 1
    assert sentence(line) == line
