"""What requests of the registry's protocol say, and how answers look. No use cases here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from versiqiid.api.registry.faults import RegistryFault, empty_schema, invalid_schema
from versiqiid.api.registry.state import NUMBER_MAX
from versiqiid.api.registry.telling import Manner
from versiqiid.api.rest.requests import BODY_BYTES_MAX, author, body
from versiqiid.core.limits import Limits
from versiqiid.core.limits import fault_of as fault_in
from versiqiid.core.registry.content import Content, Reference, SchemaType
from versiqiid.core.registry.rules import fault_of
from versiqiid.core.registry.subjects import plain, split, within
from versiqiid.engine.facts import Attribution

MORE: Final = "Confluent-Accept-Unknown-Properties"
"""The header of a reader that takes fields which earlier answers did not have."""

MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
GIVEN: Final = (MEDIA_TYPE, "application/vnd.schemaregistry+json", "application/json")
"""What an answer may be called, the one that is preferred first."""

_TAKEN: Final = frozenset(
    {MEDIA_TYPE, "application/vnd.schemaregistry+json", "application/json", "application/octet-stream"}
)
_LIMIT_DEFAULT: Final = -1
_LIMITS: Final = Limits(bytes_max=BODY_BYTES_MAX)


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as the protocol's JSON."""
    raw = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(raw, status, headers, MEDIA_TYPE)


def text(value: str) -> Response:
    """A schema's own text and nothing else."""
    return Response(value.encode(), 200, None, MEDIA_TYPE)


def path(request: Request, name: str) -> str:
    """A part of the path, decoded."""
    return unquote(request.path_params[name])


def subject(request: Request) -> str:
    """The subject that the path names, in the context that it names."""
    found = path(request, "subject")
    context = request.scope.get("versiqii.context")
    return plain(found if context is None else within(context, found))


def own_prefix(request: Request) -> str | None:
    """The prefix of all subjects of the context that the path names, None where it names none."""
    context = request.scope.get("versiqii.context")
    return None if context is None else "" if context == "." else f":{context}:"


def setting_of(request: Request) -> str | None:
    """The subject or context whose setting is meant, or None for the default context."""
    context = request.scope.get("versiqii.context")
    if "subject" in request.path_params:
        return subject(request) or None
    return None if context in (None, ".") else f":{context}:"


def flag(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() == "true"


def manner(request: Request) -> Manner:
    """How the reader wants to be told: ``format``, and more where its own header says that it may be more."""
    return Manner(request.query_params.get("format", ""), request.headers.get(MORE, "").lower() == "true")


def number(request: Request, name: str, default: int) -> int:
    """
    :raises HTTPException: 404, as the protocol answers a parameter that is no number.
    """
    given = request.query_params.get(name)
    if given is None:
        return default
    try:
        return int(given)
    except ValueError:
        raise HTTPException(404, "Not Found") from None


def page(request: Request, found: list[Any]) -> list[Any]:
    """The part of a list that ``offset`` and ``limit`` ask for; a limit below 1 is none."""
    offset, limit = max(0, number(request, "offset", 0)), number(request, "limit", _LIMIT_DEFAULT)
    return found[offset:] if limit < 1 else found[offset : offset + limit]


def by(request: Request) -> Attribution:
    return author(request)


async def document(request: Request) -> dict[str, Any]:
    """The body, an object.

    :raises HTTPException: 415 for another media type. :raises RegistryFault: it is no object.
    """
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind not in _TAKEN:
        raise HTTPException(415, "Unsupported Media Type")
    raw = await body(request)
    try:
        told = json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        raise RegistryFault(400, "Unable to process JSON", status=400) from None
    if not isinstance(told, dict):
        raise RegistryFault(
            422 if told is None else 400, "The body must be a JSON object", status=422 if told is None else 400
        )
    fault = fault_in(told, _LIMITS)
    if fault is not None:
        raise RegistryFault(422, f"{fault.pointer or 'the body'}: {fault.message}", status=422)
    return told


def content(told: Mapping[str, Any], subject: str = "", *, empty: bool = False) -> Content:
    """The schema that a body holds.

    :param subject: that it is meant for: references without a context are to subjects of its own.
    :param empty: whether there need be no text.
    :raises RegistryFault: it holds none, or one of a type that nobody knows.
    """
    given = "" if told.get("schema") is None else told.get("schema")
    if not isinstance(given, str) or not (given.strip() or empty):
        raise empty_schema()
    kind = told.get("schemaType") or SchemaType.AVRO.value
    if kind not in SchemaType.__members__:
        raise invalid_schema(f"type {str(kind)[:40]!r} is not supported; supported are AVRO, JSON, PROTOBUF")
    metadata, rules = told.get("metadata"), told.get("ruleSet")
    for name, value in (("metadata", metadata), ("ruleSet", rules)):
        if value is not None and not isinstance(value, dict):
            raise invalid_schema(f"{name} must be an object")
    if why := fault_of(rules):
        raise invalid_schema(why)
    references = tuple(_reference(each, split(subject)[0]) for each in _list(told.get("references")))
    return Content(SchemaType(kind), given, references, metadata, rules)


def whole(told: Mapping[str, Any], name: str) -> int | None:
    """A whole number of the body.

    :raises RegistryFault: it is something else.
    """
    value = told.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) > NUMBER_MAX):
        raise RegistryFault(422, f"'{name}' must be a whole number of 32 bits", status=422)
    return value


def _list(value: Any) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise invalid_schema("references must be a list")
    return value or []


def _reference(told: Any, context: str) -> Reference:
    try:
        name, of, version = told["name"], told["subject"], told["version"]
    except (TypeError, KeyError):
        raise invalid_schema("a reference has name, subject and version") from None
    if not isinstance(name, str) or not isinstance(of, str) or whole(told, "version") is None:
        raise invalid_schema("a reference's name and subject are text, its version is a number")
    return Reference(name, within(context, of), version)
