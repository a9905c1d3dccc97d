"""One YAML 1.2 document from text, by the core schema and no further than JSON goes. No bytes, no JSON.

ruamel.yaml scans and parses; its events are put together here, without recursion, because everything that makes YAML
dangerous or surprising happens after parsing: what a plain scalar means, what an alias expands to, what a tag does.

The core schema is YAML 1.2.2, section 10.3.2 (https://yaml.org/spec/1.2.2/#1032-tag-resolution): no dates, no merge
keys, no ``1_000``, no sexagesimal numbers; ``no`` is a string, ``0o17`` is fifteen and ``010`` is ten.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from versiqiid.core.canonical import INTEGER_MAX
from versiqiid.core.json_text import place
from versiqiid.core.limits import has_surrogate
from versiqiid.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json
    from versiqiid.core.limits import Limits

_TAG: Final = "tag:yaml.org,2002:"
_null = re.compile(r"(?:null|Null|NULL|~)?\Z").match
_bool = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z").match
_decimal = re.compile(r"[-+]?[0-9]+\Z").match
_octal = re.compile(r"0o[0-7]+\Z").match
_hexadecimal = re.compile(r"0x[0-9a-fA-F]+\Z").match
_float = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z").match
_not_finite = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z").match
_INTEGER_DIGITS_MAX: Final = 17  # without sign, base and leading zeros, of the longest literal worth converting


class NotYaml(Unreadable):
    """The text is outside the grammar, so that what it was meant to be is open."""


@dataclass(slots=True)
class _Node:
    """A value on its way: what it is, and what it comes to once aliases are expanded.

    :ivar values: itself and everything below; ``characters``: of all its strings and keys; ``height``: levels.
    """

    value: Json
    anchor: str | None = None
    values: int = 1
    characters: int = 0
    height: int = 1
    key: str | None = None
    keyed: bool = False

    def hold(self, child: _Node) -> None:
        self.values += child.values
        self.characters += child.characters + len(self.key or "")
        self.height = max(self.height, child.height + 1)
        if isinstance(self.value, list):
            self.value.append(child.value)
        else:
            self.value[self.key] = child.value
        self.key, self.keyed = None, False


@dataclass(slots=True)
class _Builder:
    limits: Limits
    open: list[_Node] = field(default_factory=list)
    anchors: dict[str, _Node] = field(default_factory=dict)
    root: _Node | None = None
    values: int = 0
    characters: int = 0

    def enter(self, node: _Node, event: Any) -> None:
        """A collection begins; it is already known to its anchor, so that an alias inside it is seen as a cycle."""
        self._count(1, 0, 1, event)
        self._key_is_text(event)
        if node.anchor is not None:
            self.anchors[node.anchor] = node
        self.open.append(node)

    def leave(self) -> None:
        node = self.open.pop()
        self._place(node)

    def scalar(self, event: Any) -> None:
        value = _scalar(event)
        inside = self.open[-1] if self.open else None
        if inside is not None and isinstance(inside.value, dict) and not inside.keyed:
            if event.anchor is not None:
                self.anchors[event.anchor] = _Node(value, characters=len(value) if isinstance(value, str) else 0)
            self._take_key(inside, value, event)
            return
        characters = len(value) if isinstance(value, str) else 0
        self._count(1, characters, 1, event)
        node = _Node(value, event.anchor, characters=characters)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        self._place(node)

    def alias(self, event: Any) -> None:
        """What the anchor stands for, counted before it is copied: a bomb is refused while it is still small."""
        node = self.anchors.get(event.anchor)
        if node is None:
            raise _unreadable("an alias without an anchor before it", event)
        if any(node is other for other in self.open):
            raise _unreadable("an alias inside what it stands for", event)
        inside = self.open[-1] if self.open else None
        if inside is not None and isinstance(inside.value, dict) and not inside.keyed:
            self._take_key(inside, node.value, event)
            return
        self._count(node.values, node.characters, node.height, event)
        self._place(_Node(_copy(node.value), None, node.values, node.characters, node.height))

    def _place(self, node: _Node) -> None:
        if self.open:
            self.open[-1].hold(node)
        else:
            self.root = node

    def _count(self, values: int, characters: int, height: int, event: Any) -> None:
        self.values += values
        self.characters += characters
        if self.values > self.limits.values_max:
            raise _unreadable(f"more than {self.limits.values_max} values, aliases expanded", event)
        if self.characters > self.limits.bytes_max:
            raise _unreadable(f"more than {self.limits.bytes_max} bytes, aliases expanded", event)
        if len(self.open) + height > self.limits.depth_max:
            raise _unreadable(f"nested more than {self.limits.depth_max} levels deep", event)

    def _key_is_text(self, event: Any) -> None:
        inside = self.open[-1] if self.open else None
        if inside is not None and isinstance(inside.value, dict) and not inside.keyed:
            raise _unreadable("a key that is no text", event)

    def _take_key(self, inside: _Node, key: Json, event: Any) -> None:
        if not isinstance(key, str):
            raise _unreadable("a key that is no text (quotes make it one)", event)
        if key in inside.value:
            raise _unreadable("a key that its object has already", event)
        self._count(0, len(key), 0, event)
        inside.key, inside.keyed = key, True


def parse(text: str, limits: Limits) -> Json:
    """The value of exactly one YAML document.

    :raises NotYaml: it is no YAML.
    :raises Unreadable: it is not one document, holds what JSON cannot say, or is over ``limits``.
    """
    builder = _Builder(limits)
    documents = 0
    for event in _events(text):
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            documents += 1
            if documents > 1:
                raise _unreadable("a second document, where one is expected", event)
        elif kind == "ScalarEvent":
            builder.scalar(event)
        elif kind == "AliasEvent":
            builder.alias(event)
        elif kind == "SequenceStartEvent":
            _collection_tag(event, "seq")
            builder.enter(_Node([], event.anchor), event)
        elif kind == "MappingStartEvent":
            _collection_tag(event, "map")
            builder.enter(_Node({}, event.anchor), event)
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            builder.leave()
    if builder.root is None:
        raise Unreadable("no document, only comments", line=1, column=1, hint="write the document, or remove the key")
    return builder.root.value


def _events(text: str) -> Iterator[Any]:
    """The parser's events, its failures turned into ours."""
    from ruamel.yaml import YAML  # noqa: PLC0415  # half of all start-up time, and most documents are JSON
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415
    from ruamel.yaml.reader import ReaderError  # noqa: PLC0415

    mark: Any = None
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            mark = event.end_mark
            yield event
    except ReaderError as error:
        line, column = place(text, error.position)
        raise NotYaml("a character that YAML does not allow", line=line, column=column) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark or mark
        problem = error.problem or error.context
        raise NotYaml(f"no YAML: {problem}", line=mark.line + 1, column=mark.column + 1) from None
    except (YAMLError, ValueError, OverflowError):
        # An escape beyond the last code point ends in chr(), not in an error of the parser.
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise NotYaml("no YAML after this place", line=line, column=column) from None


def _scalar(event: Any) -> Json:
    tag, text = event.tag, event.value
    if tag is None and event.implicit[0]:
        return _plain(text, event)
    if tag in {None, "!", f"{_TAG}str"}:
        return _text(text, event)
    if tag == f"{_TAG}null" and _null(text):
        return None
    if tag == f"{_TAG}bool" and _bool(text):
        return text[0] in "tT"
    if tag == f"{_TAG}int" and (_decimal(text) or _octal(text) or _hexadecimal(text)):
        return _plain(text, event)
    if tag == f"{_TAG}float" and (_float(text) or _not_finite(text)):
        return float(_plain(text, event))
    raise _unreadable("a tag that JSON cannot express, or that does not fit its text", event)


def _plain(text: str, event: Any) -> Json:
    """What a plain scalar means by the core schema."""
    if _null(text):
        return None
    if _bool(text):
        return text[0] in "tT"
    if _decimal(text):
        return _integer(text.lstrip("+-0"), 10, event, negative=text[0] == "-")
    if _octal(text) or _hexadecimal(text):
        return _integer(text[2:].lstrip("0"), 8 if text[1] == "o" else 16, event)
    if _float(text):
        if math.isinf(number := float(text)):
            raise _unreadable("a number that no IEEE 754 double holds", event)
        return number
    if _not_finite(text):
        raise _unreadable("a number that is not finite, which JSON cannot express", event)
    return _text(text, event)


def _integer(digits: str, base: int, event: Any, *, negative: bool = False) -> int:
    number = int(digits or "0", base) if len(digits) <= _INTEGER_DIGITS_MAX else INTEGER_MAX + 1
    if number > INTEGER_MAX:
        raise _unreadable(f"an integer beyond ±{INTEGER_MAX}", event)
    return -number if negative else number


def _text(text: str, event: Any) -> str:
    """Text without surrogates. The two halves that JSON writes for one character are joined, as JSON joins them."""
    if has_surrogate(text) is None:
        return text
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise _unreadable("a lone surrogate, which is no character", event) from None


def _collection_tag(event: Any, kind: str) -> None:
    if event.tag not in (None, "!", _TAG + kind):
        raise _unreadable("a tag that JSON cannot express", event)


def _copy(value: Json) -> Json:
    """A value of its own, so that a change in one place of a document never shows in another; depth is bounded."""
    if isinstance(value, dict):
        return {key: _copy(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_copy(member) for member in value]
    return value


def _unreadable(message: str, event: Any) -> Unreadable:
    return Unreadable(message, line=event.start_mark.line + 1, column=event.start_mark.column + 1)
