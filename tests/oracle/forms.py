"""Our own documents: the fields that there are, and nothing else. What does not fit is unreadable as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.oracle import reading, versions
from tests.oracle.reading import Unreadable

SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
POINTER = re.compile(r"(/([^~/]|~[01])*)*")
LEVELS = {f"{level}{tail}" for level in ("BACKWARD", "FORWARD", "FULL") for tail in ("", "_TRANSITIVE")} | {"NONE"}
SCHEMES = ("semver", "pep440", "date", "git-sha", "sequence")

Check = Callable[[Any], bool]


def text(value: Any) -> bool:
    return isinstance(value, str)


def segment(value: Any) -> bool:
    return isinstance(value, str) and SEGMENT.fullmatch(value) is not None


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def words(*allowed: str) -> Check:
    return lambda value: isinstance(value, str) and value in allowed


def table(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def pointers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and POINTER.fullmatch(item) for item in value)


def listed(value: Any) -> bool:
    return isinstance(value, list)


def digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"sha256:[0-9a-f]{64}", value) is not None


BINDING: dict[str, Check] = {"config": segment, "hold": flag}
TARGET: dict[str, Check] = {
    "family": segment,
    "versioning": words(*SCHEMES),
    "schemas": table,
    "requires": table,
    "accepts": table,
    "onDependencyConflict": words("report", "block"),
}
OVERRIDE: dict[str, Check] = {"schema": segment, "requires": table, "accepts": table}
FAMILY: dict[str, Check] = {
    "language": words("json-schema", "avro", "protobuf"),
    "versioning": words(*SCHEMES),
    "compatibility": words(*LEVELS),
    "policy": words("STRICT", "LENIENT"),
    "defaults": words("ignored", "applied"),
    "group": text,
    "formats": words("annotate", "assert"),
    "message": text,
    "subject": text,
    "description": text,
    "owner": text,
}
ANY_STEP: dict[str, Check] = {"runtime": text, "lossy": pointers, "description": text, "owner": text}
STEPS: dict[str, dict[str, Check]] = {
    "wasm": ANY_STEP | {"module": digest, "entry": words("vq_up", "vq_down")},
    "json-patch": ANY_STEP | {"patch": listed},
    "lens": ANY_STEP | {"lens": listed},
}
NEEDED = {"wasm": "module", "json-patch": "patch", "lens": "lens"}


def form(raw: bytes, fields: dict[str, Check], *needed: str) -> dict[str, Any]:
    """The document, when it has only these fields, of these types, and all that are needed.

    :raises Unreadable: otherwise.
    """
    value = reading.read(raw)
    if not isinstance(value, dict):
        raise Unreadable("no object")
    for name, item in value.items():
        if name not in fields or not fields[name](item):
            raise Unreadable(f"field {name}")
    for name in needed:
        if name not in value:
            raise Unreadable(f"field {name} is missing")
    return value


def binding(raw: bytes) -> dict[str, Any]:
    return form(raw, BINDING) if raw.strip() else {}


def target(raw: bytes) -> dict[str, Any]:
    return with_ranges(form(raw, TARGET, "family"))


def override(raw: bytes) -> dict[str, Any]:
    return with_ranges(form(raw, OVERRIDE))


def with_ranges(value: dict[str, Any]) -> dict[str, Any]:
    """One bad range makes the whole document unreadable; one about another target may be of any scheme.

    :raises Unreadable: a range of no scheme.
    """
    for field in ("requires", "accepts"):
        for text in value.get(field, {}).values():
            if not any(is_range(scheme, text) for scheme in SCHEMES):
                raise Unreadable(f"field {field}")
    return value


def is_range(scheme: str, text: str) -> bool:
    try:
        versions.inside(scheme, text if scheme == "pep440" else text.replace(",", " "), "")
    except versions.BadRange:
        return False
    return True


def family(raw: bytes) -> dict[str, Any]:
    return {"language": "json-schema"} | form(raw, FAMILY)


def step(raw: bytes) -> dict[str, Any]:
    """A migration's key.

    :raises Unreadable: also for a runtime that does not exist.
    """
    value = reading.read(raw)
    runtime = value.get("runtime") if isinstance(value, dict) else None
    if not isinstance(runtime, str) or runtime not in STEPS:
        raise Unreadable("runtime")
    return form(raw, STEPS[runtime], NEEDED[runtime])


def lossy(raw: bytes) -> bool:
    """Whether ``lossy`` is a non-empty list, be the rest of the migration readable or not."""
    try:
        value = reading.read(raw)
    except Unreadable:
        return False
    return isinstance(value, dict) and isinstance(value.get("lossy"), list) and bool(value["lossy"])
