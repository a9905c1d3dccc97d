"""From an effective config to the bytes of a file: one small module a format, nothing about disks or stores.

What a format cannot say is refused with the pointer to it; nothing is dropped, rounded or turned into something near.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from versiqiid.core.canonical import INTEGER_MAX
from versiqiid.core.limits import DOCUMENT_LIMITS, fault_of
from versiqiid.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from versiqiid.core.canonical import Json

# Imported when first asked for: a host that writes plain JSON never pays for a template engine.
_MODULES: Final = {
    "yaml": "versiqiid.agent.render.yaml",
    "toml": "versiqiid.agent.render.toml",
    "ini": "versiqiid.agent.render.ini",
    "dotenv": "versiqiid.agent.render.dotenv",
    "properties": "versiqiid.agent.render.properties",
}


@dataclass(frozen=True, slots=True)
class Source:
    """What is rendered.

    :ivar raw: the effective config as the store holds it.
    :ivar value: the same, read; with secrets in place of references.
    :ivar secret: whether a secret was put in, so that ``raw`` is no longer what ``value`` says.
    :ivar facts: ``host``, ``environment``, ``target``, ``name``: what templates may use besides the config.
    """

    raw: bytes
    value: Json
    secret: bool = False
    facts: dict[str, str] = field(default_factory=dict)


def read_effective(raw: bytes) -> Json:
    """The document of an effective key.

    Integers beyond ±(2^53 - 1) are doubles: RFC 8785 writes 1e20 with all its digits.

    :raises Unreadable: not exactly one JSON text within the document limits; a blank value is none.
    """
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (0, 0)
        raise Unreadable("the effective config is not one JSON document", line=line, column=column) from None
    fault = fault_of(value, DOCUMENT_LIMITS)
    if fault is not None:
        raise Unreadable(f"the effective config at {fault.pointer!r}: {fault.message}")
    return value


def render(form: str, source: Source, *, template: Path | None = None) -> bytes:
    """The bytes of the file.

    :param form: a format of ``settings.Format``.
    :param template: path of the template, for the format ``template``; read anew each time.
    :raises InvalidInput: the format cannot say it; the message begins with the RFC 6901 pointer.
    :raises Unreadable: the template has an error; template, line and kind of error are named.
    """
    match form:
        case "json" if not source.secret:
            return source.raw
        case "json":
            return json.dumps(source.value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        case "json-pretty":
            return (json.dumps(source.value, ensure_ascii=False, sort_keys=True, indent=2) + "\n").encode()
        case "template":
            from versiqiid.agent.render.template import render_template  # noqa: PLC0415 - see _MODULES

            if template is None:
                msg = "the format 'template' needs a template"
                raise ValueError(msg)
            return render_template(template, source.value, source.facts)
        case _:
            dump: Callable[[Any], str] = import_module(_MODULES[form]).dump
            return dump(source.value).encode()


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        msg = "duplicate key"
        raise ValueError(msg)
    return members


def _integer(literal: str) -> int | float:
    number = int(literal)
    return number if -INTEGER_MAX <= number <= INTEGER_MAX else float(literal)


def _constant(_: str) -> Json:
    msg = "not a JSON number"
    raise ValueError(msg)
