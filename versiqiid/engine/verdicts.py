"""Many documents judged against one schema, in one conversation where the validator can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from versiqiid.core.canonical import Json
from versiqiid.core.violation import Violation
from versiqiid.errors import UnusableSchema
from versiqiid.ports import ValidationRequest, Validator


@runtime_checkable
class ManyValidator(Protocol):
    """A validator's optional power: it answers many questions at once, much faster than one by one."""

    async def validate_many(
        self, requests: Sequence[ValidationRequest]
    ) -> Sequence[tuple[Violation, ...] | UnusableSchema]: ...


async def verdicts(
    validator: Validator, schema: ValidationRequest, documents: Sequence[Json]
) -> list[tuple[Violation, ...]]:
    """The violations of each document, in order; the schema is that of ``schema``, whose own document is ignored.

    :raises UnusableSchema: the schema cannot judge, or one of the documents took more work than it may.
    :raises Unavailable: the validator is away.
    """
    requests = [replace(schema, document=document) for document in documents]
    if not isinstance(validator, ManyValidator):
        return [await validator.validate(request) for request in requests]
    found = await validator.validate_many(requests) if requests else ()
    told: list[tuple[Violation, ...]] = []
    for each in found:
        if isinstance(each, UnusableSchema):
            raise each
        told.append(each)
    return told
