"""The documents of the desired state that the daemon itself reads: families, life cycles, targets, overrides, bindings.

Parsing only: unknown fields make a document unreadable, and the error names them. What the values lead to is decided
in ``plan.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from versiqiid.core.document import read
from versiqiid.core.keys import is_segment
from versiqiid.core.ranges import Range, parse_range
from versiqiid.core.versions import Scheme
from versiqiid.core.versions.version import shown
from versiqiid.errors import InvalidVersion, Unreadable

LANGUAGES = ("json-schema", "avro", "protobuf")
COMPATIBILITIES = (
    "NONE",
    "BACKWARD",
    "BACKWARD_TRANSITIVE",
    "FORWARD",
    "FORWARD_TRANSITIVE",
    "FULL",
    "FULL_TRANSITIVE",
)
STATES = ("draft", "published", "deprecated", "deleted")
"""The life of a schema version, in its order."""


@dataclass(frozen=True, slots=True)
class Family:
    """``families/<family>``. Defaults: json-schema, semver, NONE, STRICT, ignored, annotate."""

    language: str = "json-schema"
    versioning: Scheme = Scheme.SEMVER
    compatibility: str = "NONE"
    policy: str = "STRICT"
    defaults: str = "ignored"
    formats: str = "annotate"
    group: str | None = None
    message: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """``lifecycle/<family>/<version>``; a schema without one is published.

    :ivar successor: the version to go to instead, None when none is named.
    :ivar sunset: when it is no longer to be used, RFC 3339 date or time as it was written; None when nobody said.
    """

    state: str = "published"
    successor: str | None = None
    sunset: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A range in the words it was written in; the *other* target's scheme, known only in an environment, parses it."""

    target: str
    range_text: str


@dataclass(frozen=True, slots=True)
class Target:
    """``targets/<target>``: which versions of it read which schema version."""

    family: str
    versioning: Scheme = Scheme.SEMVER
    schemas: tuple[tuple[Range, str], ...] = ()
    requires: tuple[Constraint, ...] = ()
    accepts: tuple[Constraint, ...] = ()
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Override:
    """``targets/<target>/<version>``: what is different for one exact version. None = as the target says."""

    schema: str | None = None
    requires: tuple[Constraint, ...] | None = None
    accepts: tuple[Constraint, ...] | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """``bindings/<env…>/<target>/<name>``; an empty or blank value is the plain binding."""

    config: str | None = None
    hold: bool = False


@dataclass(frozen=True, slots=True)
class _Field:
    accepts: Callable[[Any], bool]
    expected: str


def _one_of(*choices: str) -> _Field:
    return _Field(lambda value: value in choices, "one of " + ", ".join(choices))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_constraints(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(v, str) and is_segment(k) for k, v in value.items())


def _is_time(value: Any) -> bool:
    """A day, or a moment with its offset: without one nobody could say when it is."""
    if not isinstance(value, str) or not value.isascii():
        return False
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return False
    return moment.tzinfo is not None or (len(value) == _DAY_CHARACTERS and value.count("-") == 2)  # noqa: PLR2004


_DAY_CHARACTERS = len("2025-07-03")
_TEXT = _Field(_is_text, "text")
_SEGMENT = _Field(lambda value: isinstance(value, str) and is_segment(value), "one key segment as text")
_CONSTRAINTS = _Field(_is_constraints, "an object of target names and range texts")
_SCHEMES = tuple(scheme.value for scheme in Scheme)

_FAMILY = {
    "language": _one_of(*LANGUAGES),
    "versioning": _one_of(*_SCHEMES),
    "compatibility": _one_of(*COMPATIBILITIES),
    "policy": _one_of("STRICT", "LENIENT"),
    "defaults": _one_of("ignored", "applied"),
    "formats": _one_of("annotate", "assert"),
    "group": _TEXT,
    "message": _TEXT,
    "subject": _TEXT,
    "description": _TEXT,
    "owner": _TEXT,
}
_TARGET = {
    "family": _SEGMENT,
    "versioning": _one_of(*_SCHEMES),
    "schemas": _Field(_is_object, "an object of version ranges and schema versions"),
    "requires": _CONSTRAINTS,
    "accepts": _CONSTRAINTS,
    "onDependencyConflict": _one_of("report", "block"),
    "description": _TEXT,
    "owner": _TEXT,
}
_OVERRIDE = {
    "schema": _SEGMENT,
    "requires": _CONSTRAINTS,
    "accepts": _CONSTRAINTS,
    "description": _TEXT,
    "owner": _TEXT,
}
_LIFECYCLE = {
    "state": _one_of(*STATES),
    "successor": _SEGMENT,
    "sunset": _Field(_is_time, "a date, or an RFC 3339 time such as 2026-01-31T00:00:00Z"),
    "reason": _TEXT,
}
_BINDING = {"config": _SEGMENT, "hold": _Field(lambda value: isinstance(value, bool), "true or false")}


def read_family(raw: bytes) -> Family:
    """
    :raises Unreadable: not a document, not an object, an unknown field, or a wrong type; the field is named.
    """
    fields = _read_object(raw, _FAMILY)
    known = {k: v for k, v in fields.items() if k not in ("description", "owner", "versioning")}
    return Family(versioning=Scheme(fields.get("versioning", "semver")), **known)


def read_lifecycle(raw: bytes) -> Lifecycle:
    """
    :raises Unreadable: as ``read_family``, or ``state`` is missing.
    """
    fields = _read_object(raw, _LIFECYCLE)
    if "state" not in fields:
        raise Unreadable("field 'state' is missing", hint=f"It is one of {', '.join(STATES)}.")
    return Lifecycle(**fields)


def read_target(raw: bytes) -> Target:
    """
    One bad range makes the whole target unreadable: a typo must not choose a schema.

    :raises Unreadable: as ``read_family``, a schema's range that is none of the target's scheme, or another range that
        is none of any scheme.
    """
    fields = _read_object(raw, _TARGET)
    if "family" not in fields:
        raise Unreadable("field 'family' is missing", hint="Name the family whose schemas this target reads.")
    scheme = Scheme(fields.get("versioning", "semver"))
    return Target(
        family=fields["family"],
        versioning=scheme,
        schemas=tuple(_schema_range(scheme, text, schema) for text, schema in fields.get("schemas", {}).items()),
        requires=_constraints(fields, "requires"),
        accepts=_constraints(fields, "accepts"),
        blocks=fields.get("onDependencyConflict", "report") == "block",
    )


def read_override(raw: bytes) -> Override:
    """
    :raises Unreadable: as ``read_family``.
    """
    fields = _read_object(raw, _OVERRIDE)
    return Override(
        schema=fields.get("schema"),
        requires=_constraints(fields, "requires") if "requires" in fields else None,
        accepts=_constraints(fields, "accepts") if "accepts" in fields else None,
    )


def read_binding(raw: bytes) -> Binding:
    """
    :raises Unreadable: as ``read_family``; an empty or blank value is a plain binding.
    """
    if not raw.removeprefix(b"\xef\xbb\xbf").strip():
        return Binding()
    return Binding(**_read_object(raw, _BINDING))


def parse_constraint(scheme: Scheme, text: str) -> Range:
    """A ``requires`` or ``accepts`` range, where a comma means "and" in every scheme.

    :raises InvalidVersion: no range of the scheme.
    """
    return parse_range(scheme, text if scheme is Scheme.PEP440 else text.replace(",", " "))


def _schema_range(scheme: Scheme, text: str, schema: Any) -> tuple[Range, str]:
    if not isinstance(schema, str) or not is_segment(schema):
        msg = f"field 'schemas': range {text!r} must name a schema version as text"
        raise Unreadable(msg, hint='Quote version numbers: "1.0", not 1.0.')
    try:
        return parse_range(scheme, text), schema
    except InvalidVersion as error:
        msg = f"field 'schemas': {error.message}"
        raise Unreadable(msg, hint=error.hint) from error


def _constraints(fields: Mapping[str, Any], name: str) -> tuple[Constraint, ...]:
    """The ranges of ``requires`` or ``accepts``. Which scheme each is of is the other target's word, and known where it
    is judged; a text that is a range of no scheme at all is a typo here, whatever the other target says.
    """
    found: Mapping[str, str] = fields.get(name, {})
    for target, text in found.items():
        if not any(_is_range(scheme, text) for scheme in Scheme):
            msg = f"field {name!r}: {shown(text)} for target {target!r} is a range of no scheme"
            raise Unreadable(msg, hint="Write it in the scheme of that target, such as >=1.5,<2.")
    return tuple(Constraint(target, text) for target, text in found.items())


def _is_range(scheme: Scheme, text: str) -> bool:
    try:
        parse_constraint(scheme, text)
    except InvalidVersion:
        return False
    return True


def _read_object(raw: bytes, fields: Mapping[str, _Field]) -> dict[str, Any]:
    value = read(raw)
    if not isinstance(value, dict):
        raise Unreadable("expected an object")
    for name, item in value.items():
        if name not in fields:
            msg = f"unknown field {name[:80]!r}; known are {', '.join(sorted(fields))}"
            raise Unreadable(msg)
        if not fields[name].accepts(item):
            msg = f"field {name!r} must be {fields[name].expected}"
            raise Unreadable(msg)
    return value
