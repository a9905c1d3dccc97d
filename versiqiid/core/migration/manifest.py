"""The value of a migration key: read, checked, and turned into edges of the path rule. It runs nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from versiqiid.core.document import read
from versiqiid.core.lens import invert, lossy_pointers, parse_lens
from versiqiid.core.migration.path import Edge
from versiqiid.core.patch import is_pointer, validate_patch
from versiqiid.errors import InvalidInput, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from versiqiid.core.canonical import Json

RUNTIMES = ("wasm", "json-patch", "lens", "lua")

_COMMON = ("runtime", "lossy", "description", "owner")
_OWN = {"wasm": ("module", "entry"), "json-patch": ("patch",), "lens": ("lens",), "lua": ("source",)}
_REQUIRED = {"wasm": "module", "json-patch": "patch", "lens": "lens", "lua": "source"}
_ENTRIES = ("vq_up", "vq_down")
_HINT = "wasm needs module, json-patch needs patch, lens needs lens, lua needs source"
_MODULE = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One direction of one step, as its key says. Exactly the fields of its runtime are filled.

    :ivar runtime: one of ``RUNTIMES``.
    :ivar module: wasm: ``sha256:<64 hex>``.
    :ivar entry: wasm: ``vq_up`` or ``vq_down``; None = by :func:`versiqiid.core.migration.direction`.
    :ivar patch: json-patch: the operations, checked.
    :ivar lens: lens: the operations as JSON, checked; ``core.lens.parse_lens`` reads them.
    :ivar source: lua: the script.
    :ivar lossy: the pointers that the author declares to lose; empty = claimed lossless.
    """

    runtime: str
    module: str | None = None
    entry: str | None = None
    patch: Json = None
    lens: Json = None
    source: str | None = None
    lossy: tuple[str, ...] = ()
    description: str | None = None
    owner: str | None = None


def parse_manifest(raw: Json | bytes) -> Manifest:
    """The manifest in a migration key's value, everything in it checked but the module behind the digest.

    :param raw: the value's bytes as stored, or the document that they are.
    :raises Unreadable: no document, no object, an unknown field, a wrong type, a field missing, or one whose content is
        none; the message names the field, and for a patch or lens the operation.
    """
    value = read(raw) if isinstance(raw, bytes) else raw
    if not isinstance(value, dict):
        raise Unreadable("a migration must be an object with 'runtime'", hint=_HINT)
    runtime = value.get("runtime")
    if runtime not in RUNTIMES:
        raise Unreadable(f"field 'runtime' must be one of {', '.join(RUNTIMES)}", hint=_HINT)
    known = (*_COMMON, *_OWN[runtime])
    for field in value:
        if field not in known:
            raise Unreadable(
                f"unknown field {field[:80]!r}; a {runtime} migration has {', '.join(known)}",
                hint="correct the name or remove the field",
            )
    if _REQUIRED[runtime] not in value:
        raise Unreadable(f"field {_REQUIRED[runtime]!r} is missing from a {runtime} migration", hint=_HINT)
    for field, content in value.items():
        if field in _CHECKS:
            _CHECKS[field](field, content)
    return Manifest(**{**value, "lossy": tuple(value.get("lossy", ()))})


def edges_of(values: Mapping[tuple[str, str], Json]) -> dict[tuple[str, str], Edge]:
    """The edges that a family's migration keys make, for the path rule. Never fails.

    Every key is one edge, also one whose value is no manifest; it is lossy exactly when its ``lossy`` is a non-empty
    list. A readable lens leads the other way too, unless that way has a key: its inverse has no ``lossy`` of its own,
    so it is lossy when an operation of it counts as lossy.

    :param values: (from, to) to the key's document, or to None where the value is no document.
    """
    edges = {pair: Edge(lossy=_claims_loss(value)) for pair, value in values.items()}
    for (frm, to), value in values.items():
        if (to, frm) not in edges and isinstance(value, dict) and value.get("runtime") == "lens":
            try:
                inverse = invert(parse_lens(parse_manifest(value).lens))
            except InvalidInput:
                continue
            edges[to, frm] = Edge(lossy=bool(lossy_pointers(inverse)), inverse=True)
    return edges


def _claims_loss(value: Json) -> bool:
    lossy = value.get("lossy") if isinstance(value, dict) else None
    return isinstance(lossy, list) and bool(lossy)


def _check_text(field: str, content: Json) -> None:
    if not isinstance(content, str):
        raise Unreadable(f"field {field!r} must be a string")


def _check_source(field: str, content: Json) -> None:
    _check_text(field, content)
    if not content.strip():
        raise Unreadable(f"field {field!r} must hold a script that defines 'migrate'")


def _check_module(field: str, content: Json) -> None:
    if not isinstance(content, str) or not _MODULE.fullmatch(content):
        raise Unreadable(
            f"field {field!r} must be sha256: and 64 lower-case hexadecimal digits",
            hint="it is the digest of the module's bytes, which lie under modules/<digest>",
        )


def _check_entry(field: str, content: Json) -> None:
    if content not in _ENTRIES:
        raise Unreadable(f"field {field!r} must be one of {', '.join(_ENTRIES)}")


def _check_lossy(field: str, content: Json) -> None:
    if not isinstance(content, list) or not all(map(is_pointer, content)):
        raise Unreadable(
            f"field {field!r} must be an array of JSON Pointers",
            hint='a pointer is "" or starts with "/" (RFC 6901); leave the field out for a lossless step',
        )


def _check_patch(field: str, content: Json) -> None:
    try:
        validate_patch(content)
    except InvalidInput as error:
        raise Unreadable(f"field {field!r}: {error.message}", hint=error.hint) from None


def _check_lens(field: str, content: Json) -> None:
    try:
        parse_lens(content)
    except InvalidInput as error:
        raise Unreadable(f"field {field!r}: {error.message}", hint=error.hint) from None


_CHECKS: dict[str, Callable[[str, Json], None]] = {
    "module": _check_module,
    "entry": _check_entry,
    "patch": _check_patch,
    "lens": _check_lens,
    "source": _check_source,
    "lossy": _check_lossy,
    "description": _check_text,
    "owner": _check_text,
}
