"""One migration step, run in the plainest way: RFC 6902 by ``jsonpatch``, lenses by hand, guests from memory."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import jsonpointer

from tests.oracle import forms, versions
from tests.oracle.guests import BY_HEX, Fails
from tests.oracle.reading import Unreadable


class Missing(Exception):
    """A module's key is not there: the matter waits."""


def run(desired: dict[str, bytes], scheme: str, family: str, step: tuple[str, str], document: Any) -> Any:
    """The document that this step makes.

    :raises Missing: the module's key is not there.
    :raises Fails: everything else that gives no document.
    """
    start, end = step
    try:
        manifest = forms.step(desired[f"migrations/{family}/{start}/{end}"])
    except Unreadable as error:
        raise Fails from error
    match manifest["runtime"]:
        case "json-patch":
            return patched(manifest["patch"], document)
        case "lens":
            return through(manifest["lens"], copy.deepcopy(document))
        case _:
            return guest(desired, scheme, step, manifest, document)


def guest(desired: dict[str, bytes], scheme: str, step: tuple[str, str], manifest: dict[str, Any], doc: Any) -> Any:
    name = manifest["module"].removeprefix("sha256:")
    if scheme == "git-sha" and "entry" not in manifest:
        raise Fails
    stored = desired.get(f"modules/{name}")
    if stored is None:
        raise Missing(f"modules/{name}")
    known = BY_HEX.get(name)
    if known is None or known.wasm != stored:
        raise Fails
    start, end = (versions.parse(scheme, text) for text in step)
    usual = "vq_up" if scheme != "git-sha" and end > start else "vq_down"
    return known.act(manifest.get("entry", usual), doc)


def patched(patch: list[Any], document: Any) -> Any:
    try:
        return jsonpatch.JsonPatch(patch).apply(copy.deepcopy(document))
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, ValueError, KeyError) as error:
        raise Fails from error


def through(lens: list[Any], value: Any) -> Any:
    for operation in lens:
        if not isinstance(operation, dict) or len(operation) != 1:
            raise Fails
        ((name, how),) = operation.items()
        value = turn(name, how, value)
    return value


def member(value: Any, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise Fails
    return value[name]


def put(value: Any, name: str, item: Any) -> None:
    if not isinstance(value, dict) or name in value:
        raise Fails
    value[name] = item


def turn(name: str, how: Any, value: Any) -> Any:
    """One operation; a missing member is a failure, and so is a place that is taken."""
    match name:
        case "rename":
            item = member(value, how["source"])
            del value[how["source"]]
            put(value, how["destination"], item)
        case "add":
            put(value, how["name"], copy.deepcopy(how["default"]))
        case "remove":
            member(value, how["name"])
            del value[how["name"]]
        case "hoist":
            host = member(value, how["host"])
            item = member(host, how["name"])
            del host[how["name"]]
            put(value, how["name"], item)
        case "plunge":
            item = member(value, how["name"])
            put(member(value, how["host"]), how["name"], item)
            del value[how["name"]]
        case "wrap":
            value[how["name"]] = [member(value, how["name"])]
        case "head":
            item = member(value, how["name"])
            if not isinstance(item, list) or not item:
                raise Fails
            value[how["name"]] = item[0]
        case "in":
            value[how["name"]] = through(how["lens"], member(value, how["name"]))
        case _:
            raise Fails
    return value
