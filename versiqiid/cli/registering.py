"""What ``migrations add`` writes: the manifests of one direction or both, and the module keys they need."""

from __future__ import annotations

import hashlib
from typing import Any

import click

from versiqiid.cli.commands.shared import read_input
from versiqiid.cli.projects import both_ways, script
from versiqiid.core.canonical import canonical
from versiqiid.core.document import read
from versiqiid.core.migration import parse_manifest
from versiqiid.core.modules import split
from versiqiid.errors import InvalidInput

_WEBASSEMBLY = b"\0asm"  # how a core module and a component begin
_KINDS = ("wasm", "patch", "lens", "lua")
_ONLY_WITH = {"both": ("wasm",), "entry": ("wasm",), "back": ("patch", "lua"), "one_way": ("lens",)}


def manifests(given: dict[str, Any]) -> tuple[bytes, bytes | None]:
    """The values of the migration key and of the opposite one, None where only one is asked for.

    :param given: the options of the command, by name.
    :raises UsageError: options that do not go together. :raises InvalidInput: a file is not what it should be.
    """
    kind = _kind(given)
    there, back = _both(kind, given)
    if back is None and given["back_lossy"]:
        raise click.UsageError("--back-lossy needs the way back: --both, --back or --lens")
    one = _value(there, given, given["lossy"])
    return one, None if back is None else _value(back, given, given["back_lossy"])


def files(given: dict[str, Any]) -> tuple[str, str]:
    """The file that the step was read from, and that of the way back."""
    kind = _kind(given)
    return given[kind], given["back"] or given[kind]


def module_keys(given: dict[str, Any]) -> dict[str, bytes]:
    """The keys that hold the module, its head first; none where there is no module."""
    return split(read_input(given["wasm"])) if given["wasm"] else {}


def _kind(given: dict[str, Any]) -> str:
    kinds = [kind for kind in _KINDS if given[kind]]
    if len(kinds) != 1:
        raise click.UsageError("give exactly one of --wasm, --patch, --lens, --lua")
    for option, allowed in _ONLY_WITH.items():
        if given[option] and kinds[0] not in allowed:
            others = " and ".join(f"--{kind}" for kind in allowed)
            raise click.UsageError(f"--{option.replace('_', '-')} goes with {others} only")
    if given["both"] and given["entry"]:
        raise click.UsageError("--both calls both entries; --entry names one")
    return kinds[0]


def _both(kind: str, given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The manifests of the two directions; the second None where it is not asked for."""
    if kind == "lens":
        there, back = both_ways(read_input(given["lens"]))
        return there, None if given["one_way"] else back
    if kind in ("patch", "lua"):
        written = _patch if kind == "patch" else script
        return written(read_input(given[kind])), written(read_input(given["back"])) if given["back"] else None
    module = read_input(given["wasm"])
    if not module.startswith(_WEBASSEMBLY):  # what is registered stays, so the wrong file must be noticed before
        hint = "Build it first: versiqii migrations build FOLDER."
        raise InvalidInput(f"file {given['wasm']!r} is no WebAssembly module", hint=hint)
    there = {"runtime": "wasm", "module": f"sha256:{hashlib.sha256(module).hexdigest()}"}
    if given["entry"]:
        there["entry"] = given["entry"]
    return there, dict(there) if given["both"] else None


def _patch(raw: bytes) -> dict[str, Any]:
    return {"runtime": "json-patch", "patch": read(raw)}


def _value(manifest: dict[str, Any], given: dict[str, Any], declared: tuple[str, ...]) -> bytes:
    """The key's value, checked."""
    told = {name: given[name] for name in ("description", "owner") if given[name]}
    known = manifest.get("lossy", [])
    lossy = [*known, *(pointer for pointer in declared if pointer not in known)]
    raw = canonical({**manifest, **told, **({"lossy": lossy} if lossy else {})})
    parse_manifest(raw)
    return raw
