"""Bytes to documents, as "Reading bytes" says: strict JSON first, else one YAML 1.2 document by the core schema."""

from __future__ import annotations

import json
import math
import re
import warnings
from typing import Any

import rfc8785
from ruamel.yaml import YAML
from ruamel.yaml.error import ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

BYTES_MAX = 350_000
DEPTH_MAX = 100
VALUES_MAX = 100_000
INTEGER_MAX = 2**53 - 1

# https://yaml.org/spec/1.2.2/#1032-tag-resolution, the table of the core schema
NULL = re.compile(r"null|Null|NULL|~|")
BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
INTEGER = re.compile(r"[-+]?[0-9]+")
OCTAL = re.compile(r"0o[0-7]+")
HEX = re.compile(r"0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN")


class Unreadable(Exception):
    """Not exactly one document."""


def read(raw: bytes) -> Any:
    """The one document in these bytes.

    :raises Unreadable: anything else.
    """
    if len(raw) > BYTES_MAX:
        raise Unreadable("too many bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("not UTF-8") from error
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise Unreadable("blank")
    try:
        document = json.loads(text, object_pairs_hook=no_twins, parse_constant=no_constant)
    except RecursionError as error:
        raise Unreadable("deep") from error
    except ValueError:
        document = read_yaml(text)
    count(document, 1, [0])
    try:
        if len(rfc8785.dumps(document)) > BYTES_MAX:
            raise Unreadable("too many bytes in canonical form")
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise Unreadable("cannot be canonical") from error
    return document


def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise Unreadable("duplicate key")
    return dict(pairs)


def no_constant(name: str) -> Any:
    raise ValueError(name)


def count(value: Any, depth: int, seen: list[int]) -> None:
    """Keep the limits on depth, number of values, and numbers."""
    seen[0] += 1
    if depth > DEPTH_MAX or seen[0] > VALUES_MAX:
        raise Unreadable("too deep or too many values")
    if isinstance(value, float) and not math.isfinite(value):
        raise Unreadable("no IEEE double")
    if isinstance(value, int) and abs(value) > INTEGER_MAX:
        raise Unreadable("integer beyond 2^53 - 1")
    if isinstance(value, dict):
        for item in value.values():
            count(item, depth + 1, seen)
    if isinstance(value, list):
        for item in value:
            count(item, depth + 1, seen)


def read_yaml(text: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML 1.2.2, 7.1: the newest anchor is meant
            nodes = list(YAML(typ="safe", pure=True).compose_all(text))
    except (YAMLError, RecursionError, ValueError) as error:
        raise Unreadable("neither JSON nor YAML") from error
    if len(nodes) != 1 or nodes[0] is None:
        raise Unreadable("not exactly one document")
    return build(nodes[0], 1, [0])


def build(node: Node, depth: int, seen: list[int]) -> Any:
    seen[0] += 1
    if depth > DEPTH_MAX or seen[0] > VALUES_MAX:
        raise Unreadable("too deep or too many values")
    if isinstance(node, ScalarNode):
        return scalar(node)
    if isinstance(node, SequenceNode):
        return [build(item, depth + 1, seen) for item in node.value]
    assert isinstance(node, MappingNode)
    pairs = []
    for key, value in node.value:
        name = scalar(key) if isinstance(key, ScalarNode) else None
        if not isinstance(name, str):
            raise Unreadable("a key that is no string")
        pairs.append((name, build(value, depth + 1, seen)))
    return no_twins(pairs)


def scalar(node: ScalarNode) -> Any:
    text = node.value
    if node.style is not None:
        # Two escapes that are a pair are one character, as in JSON, of which YAML 1.2 means to be a superset.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if NOT_FINITE.fullmatch(text):
        raise Unreadable("not finite")
    if NULL.fullmatch(text):
        return None
    if BOOL.fullmatch(text):
        return text.lower() == "true"
    for pattern, base in ((INTEGER, 10), (OCTAL, 8), (HEX, 16)):
        if pattern.fullmatch(text):
            return int(text, base)
    return float(text) if FLOAT.fullmatch(text) else text


def canonical(document: Any) -> bytes:
    return rfc8785.dumps(document)
