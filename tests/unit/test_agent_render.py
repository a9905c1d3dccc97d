"""Files from configs. The oracles are readers written by others: ruamel, tomllib, configparser, a shell, Java."""

from __future__ import annotations

import configparser
import contextlib
import io
import json
import shutil
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.services.fixtures import lacking
from versiqiid.agent.render import Source, read_effective, render
from versiqiid.core.canonical import canonical
from versiqiid.errors import InvalidInput, TooLarge, Unreadable

if TYPE_CHECKING:
    from pathlib import Path

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    [
        "no",
        "010",
        "1e3",
        "null",
        "~",
        "",
        " a",
        "a: b",
        "- x",
        "# c",
        "'",
        '"',
        "\\",
        "a\nb",
        "=",
        "<<",
        "0x1F",
        "1_000",
    ]
)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.booleans() | numbers | texts


def documents(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=12
    )


def written(form: str, value: Any, **more: Any) -> str:
    raw = canonical(value)
    return render(form, Source(raw, value), **more).decode()


def load_yaml(text: str, version: tuple[int, int]) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = version
    return yaml.load(io.StringIO(text))


@given(documents(st.none() | scalars))
@quick
def test_yaml_says_the_same_to_readers_of_both_versions(value: Any) -> None:
    """What is written is what YAML 1.1 and YAML 1.2 read, whatever strings look like."""
    text = written("yaml", value)
    assert load_yaml(text, (1, 2)) == value
    assert load_yaml(text, (1, 1)) == value


@given(st.dictionaries(texts, documents(scalars), max_size=4))
@quick
def test_toml_is_read_back_by_the_standard_library(value: dict[str, Any]) -> None:
    """tomllib reads exactly the document, types included."""
    read = tomllib.loads(written("toml", value))
    assert read == value
    assert json.dumps(read, sort_keys=True) == json.dumps(value, sort_keys=True)


@given(st.dictionaries(texts, st.dictionaries(texts, scalars, max_size=3), max_size=3))
@quick
def test_ini_is_read_back_or_refused(value: dict[str, dict[str, Any]]) -> None:
    """configparser, with inline comments on, reads what was written; what it would misread is refused."""
    with contextlib.suppress(InvalidInput):
        assert_ini(written("ini", value), value)


def assert_ini(text: str, value: dict[str, dict[str, Any]]) -> None:
    for comments in ((), (";", "#")):
        parser = configparser.RawConfigParser(inline_comment_prefixes=comments, default_section="\0")
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(text)
        read = {section: dict(parser[section]) for section in parser.sections()}
        as_text = {
            s: {k: v if isinstance(v, str) else canonical(v).decode() for k, v in m.items()} for s, m in value.items()
        }
        assert read == as_text


@given(st.lists(scalars, min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
def test_environment_files_are_read_by_a_shell(values: list[Any]) -> None:
    """A POSIX shell that sources the file has exactly the values; what it cannot hold is refused."""
    kept = {}
    for index, value in enumerate(values):
        try:
            written("dotenv", {f"v{index}": value})
        except InvalidInput:
            continue
        kept[f"v{index}"] = value
    text = written("dotenv", kept)
    out = subprocess.run(
        ["/bin/sh", "-c", 'set -a; eval "$1"; exec env -0', "sh", text],
        env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True,
    ).stdout  # fmt: skip
    read = dict(line.split("=", 1) for line in out.decode().split("\0") if line.startswith("V"))
    assert read == {k.upper(): v if isinstance(v, str) else canonical(v).decode() for k, v in kept.items()}


JAVA = """
import java.nio.file.*; import java.util.*;
public class Dump { public static void main(String[] a) throws Exception {
  Properties p = new Properties();
  try (var in = Files.newInputStream(Path.of(a[0]))) { p.load(in); }
  var out = new java.io.PrintStream(System.out, true, "UTF-8");
  for (var e : new TreeMap<>(p).entrySet())
    for (Object o : new Object[]{e.getKey(), e.getValue()}) {
      for (char c : o.toString().toCharArray()) out.printf("%04x", (int) c);
      out.println();
    }
} }
"""


def test_properties_are_read_by_java(tmp_path: Path) -> None:
    """java.util.Properties itself reads every name and value, blanks, signs and characters beyond the BMP included."""
    if shutil.which("java") is None:
        lacking("no java on PATH: install a JRE (17 or newer) to run this")
    value = {
        "plain": {"a": 1, "b": True, "c": 1.5, "list": ["x", {"y": "z"}]},
        " odd key=: #!": " leading and trailing ",
        "äöü 😀": "tab\tnl\ncr\rff\fback\\slash \x00\x7f\x85 😀",
        "!": "#", "e": "",
    }  # fmt: skip
    (tmp_path / "f.properties").write_text(written("properties", value), encoding="ascii")
    (tmp_path / "Dump.java").write_text(JAVA)
    out = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", str(tmp_path / "Dump.java"), str(tmp_path / "f.properties")],
        capture_output=True, check=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    words = [bytes.fromhex(line).decode("utf-16-be") for line in out]
    assert dict(zip(words[::2], words[1::2], strict=True)) == {
        "plain.a": "1", "plain.b": "true", "plain.c": "1.5", "plain.list[0]": "x", "plain.list[1].y": "z",
        " odd key=: #!": value[" odd key=: #!"], "äöü 😀": value["äöü 😀"], "!": "#", "e": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("form", "value", "pointer"),
    [
        ("toml", {"a": {"b": [1, None]}}, "/a/b/1"),
        ("toml", {"a": [{"x/y": None}]}, "/a/0/x~1y"),
        ("toml", [1], "(root)"),
        ("toml", None, "(root)"),
        ("ini", {"a": 1}, "/a"),
        ("ini", {"a": {"b": [1]}}, "/a/b"),
        ("ini", {"a": {"b": {"c": 1}}}, "/a/b"),
        ("ini", {"a": {"b": None}}, "/a/b"),
        ("ini", {"a": {"b": "x\ny"}}, "/a/b"),
        ("ini", {"a": {"b": "x ; y"}}, "/a/b"),
        ("ini", {"a": {"k": 1, "K": 2}}, "/a/"),
        ("dotenv", {"a": {"b": None}}, "/a/b"),
        ("dotenv", {"a": []}, "/a"),
        ("dotenv", {"a-b": 1, "a": {"b": 2}}, "/a"),
        ("dotenv", {"1a": 1}, "/1a"),
        ("dotenv", {"a": "it's $5"}, "/a"),
        ("dotenv", {"a": "x\ny"}, "/a"),
        ("properties", {"a": {"b": 1}, "a.b": 2}, "/a"),
        ("properties", {"": 1}, "/"),
        ("properties", {"a": {}}, "/a"),
        ("properties", 5, "(root)"),
    ],
)
def test_what_a_format_cannot_say_is_refused_by_pointer(form: str, value: Any, pointer: str) -> None:
    """The message begins with the place and quotes no value."""
    with pytest.raises(InvalidInput) as raised:
        written(form, value)
    assert str(raised.value).startswith(pointer)
    assert "$5" not in str(raised.value)


def test_json_is_byte_for_byte_the_effective_config() -> None:
    """Raw JSON is not written anew; pretty JSON is the same document."""
    raw = b'{"b":1.0,"a":[1,2]}'
    source = Source(raw, read_effective(raw))
    assert render("json", source) == raw
    pretty = render("json-pretty", source)
    assert json.loads(pretty) == json.loads(raw)
    assert pretty.endswith(b"\n")
    assert pretty.count(b"\n") > 3


def test_json_with_a_secret_is_written_from_the_value() -> None:
    """The raw bytes hold the reference; the file must hold the secret."""
    source = Source(b'{"p":"vault:kv/a#b"}', {"p": "s"}, secret=True)
    assert render("json", source) == b'{"p":"s"}'


@pytest.mark.parametrize(
    "raw",
    [b"", b" ", b"\xff", b"{", b'{"a":1,"a":2}', b"NaN", b"1 2", b"[" * 5000 + b"]" * 5000, b'"\\ud800"', b"a: 1"],
)
def test_what_is_no_json_document_is_unreadable(raw: bytes) -> None:
    """A blank or broken effective config never becomes a file."""
    with pytest.raises(Unreadable):
        read_effective(raw)


def test_large_doubles_of_canonical_json_are_read() -> None:
    """RFC 8785 writes 1e20 as an integer; it is a double all the same."""
    assert read_effective(canonical({"a": 1e20})) == {"a": 1e20}
    assert tomllib.loads(written("toml", {"a": 1e20})) == {"a": 1e20}


def template(tmp_path: Path, text: str, value: Any) -> str:
    path = tmp_path / "t.j2"
    path.write_text(text)
    return written("template", value, template=path)


def test_a_template_sees_members_and_the_whole(tmp_path: Path) -> None:
    """Members by name, the document as ``config``, facts under ``versiqii``."""
    assert template(tmp_path, "{{ a }}-{{ config.b[0] }}\n", {"a": 1, "b": [2]}) == "1-2\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("ok\n{{ nope }}", 2, "does not have"),
        ("{{ a.nope }}", 1, "does not have"),
        ("\n\n{% if %}", 3, ""),
        ("{{ ''.__class__.__mro__ }}", 1, "sandbox"),
        ("{{ [].append(1) }}", 1, "sandbox"),
        ("{{ a.s + 1 }}", 1, "TypeError"),
    ],
)
def test_a_template_that_fails_names_its_line_and_no_value(tmp_path: Path, text: str, line: int, says: str) -> None:
    """Missing names, syntax, the sandbox and errors of expressions are all refusals."""
    with pytest.raises(Unreadable) as raised:
        template(tmp_path, text, {"a": {"s": "hunter2"}})
    assert raised.value.line == line
    assert says in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_template_cannot_fill_the_memory(tmp_path: Path) -> None:
    """Loops in loops end at the limit."""
    text = "{% for a in range(9999) %}{% for b in range(9999) %}xxxxxxxxxx{% endfor %}{% endfor %}"
    with pytest.raises(TooLarge):
        template(tmp_path, text, {})


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    """The path stands in the message."""
    with pytest.raises(Unreadable, match=r"gone\.j2"):
        written("template", {}, template=tmp_path / "gone.j2")
