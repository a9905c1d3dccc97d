"""Bytes to document: the only way by which a stored value becomes something to reason about. No keys, no schemas.

The rule is the paragraph "Reading bytes" of the key layout: UTF-8, strict JSON first, what is not JSON is read as one
YAML 1.2 document by the core schema, and whatever JSON cannot express, or readers disagree about, is unreadable.

Numbers keep what their literal says: one without fraction and exponent is an integer and must be within ±(2^53 - 1);
any other is a double, also where its value is whole (``1e20`` is taken, ``100000000000000000000`` is not). A literal
that no double reaches (``1e400``) is refused, one that rounds (``0.1``) or vanishes (``1e-400``) is not.

RFC 8785 writes ``1e20`` as ``100000000000000000000``, and so do we and many programs. What was written by that rule
(``by_rule``) is read by it: those digits, and no others beyond ±(2^53 - 1), are the double that they are the form of.
"""

from __future__ import annotations

import codecs

from versiqiid.core import json_text, yaml_text
from versiqiid.core.canonical import Json, canonical
from versiqiid.core.limits import DOCUMENT_LIMITS, Limits, fault_of
from versiqiid.errors import Unreadable

__all__ = ["DOCUMENT_LIMITS", "Json", "Limits", "check_value", "read"]

# The longest a value can grow from its JSON text to its canonical form: "1e20," is 5 bytes and becomes 22.
_GROWTH_MAX = 5


def read(raw: bytes, *, limits: Limits = DOCUMENT_LIMITS, by_rule: bool = False) -> Json:
    """The document that these bytes are, made of values that nothing else holds.

    Time and memory are linear in the bytes: an alias is counted before it is expanded, and depth never recurses. JSON
    takes about 20 ns a byte, YAML about 10 µs a byte (the largest some seconds: read those off the event loop).

    :param limits: judged on the bytes as read, on the expanded values, and on the canonical form.
    :param by_rule: not what an operator wrote into a key, but what we or a program gave: see above.
    :raises Unreadable: anything else than one document, with the line and column of the first place that is wrong (a
        character of the text after a byte order mark, counted from 1; 0 where no single place is to blame).
    """
    if len(raw) > limits.bytes_max:
        raise Unreadable(f"{len(raw)} bytes, and a document is at most {limits.bytes_max}", hint="split the document")
    text = _text(raw)
    if not text.strip(" \t\r\n"):
        raise Unreadable("empty", line=1, column=1, hint="write the document, or remove the key")
    try:
        value = json_text.parse(text, limits, by_rule=by_rule)
        grows = len(raw) * _GROWTH_MAX > limits.bytes_max
    except json_text.NotJson as not_json:
        value = _read_yaml(text, limits, not_json)
        grows = True
    if grows:
        _check_size(value, limits)
    return value


def check_value(value: Json, *, limits: Limits = DOCUMENT_LIMITS) -> None:
    """Return when this value, which no bytes were read for, is a document: made of JSON's types and within the limits.

    :raises Unreadable: it is not; the message names the RFC 6901 pointer.
    """
    fault = fault_of(value, limits)
    if fault is not None:
        raise Unreadable(f"{fault.message}, at {fault.pointer or 'the root'}")
    _check_size(value, limits)


def _check_size(value: Json, limits: Limits) -> None:
    size = len(canonical(value))
    if size > limits.bytes_max:
        raise Unreadable(f"{size} bytes in canonical form, and a document is at most {limits.bytes_max}")


def _text(raw: bytes) -> str:
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line_start = raw.rfind(b"\n", 0, error.start) + 1
        line = raw.count(b"\n", 0, error.start) + 1
        column = len(raw[line_start : error.start].decode()) + 1
        raise Unreadable("not UTF-8", line=line, column=column, hint="save the document as UTF-8") from None


def _read_yaml(text: str, limits: Limits, not_json: json_text.NotJson) -> Json:
    """As YAML; what is neither and begins like JSON was meant as JSON, and is told where that fails."""
    try:
        return yaml_text.parse(text, limits)
    except yaml_text.NotYaml:
        if text.lstrip(" \t\r\n")[:1] not in ("{", "["):
            raise
    line, column = json_text.place(text, not_json.offset)
    raise Unreadable(f"no JSON, and no YAML either: {not_json.message}", line=line, column=column)
