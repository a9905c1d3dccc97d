"""Documents judged without storing anything: by a registered schema, or many by schemas given along."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import anyio
from anyio import to_thread

from versiqiid.api.gathering import Gathering
from versiqiid.api.service import Service
from versiqiid.core.canonical import digest
from versiqiid.core.document import read
from versiqiid.core.limits import Limits, fault_of
from versiqiid.core.objects import read_family
from versiqiid.core.snapshot import Reads
from versiqiid.core.violation import Violation, verdict
from versiqiid.engine.questions import question
from versiqiid.errors import InvalidInput, Unreadable, UnusableSchema
from versiqiid.ports import ValidationRequest, Validator

TOGETHER_MAX = 64
"""Cases of one batch under way at once, so that one caller does not take all of the validator. Arbitrary."""


_VALUES = Limits(exact=False)


@dataclass(frozen=True, slots=True)
class Case:
    """A document and the schema to judge it by, both as JSON values."""

    schema: Any
    document: Any
    formats: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """:ivar error: why the document could not be judged, empty when it was."""

    violations: tuple[Violation, ...] = ()
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        told = verdict(self.violations)
        return told | ({"valid": False, "error": self.error} if self.error else {})


class Judge:
    """Verdicts by the daemon's own validator, so that they are what a binding would get."""

    def __init__(self, validator: Validator, service: Service) -> None:
        self._validator = validator
        self._service = service

    async def registered(self, raw: bytes, family: str, version: str) -> Verdict:
        """The verdict of a registered schema version on a config. Bytes that are no document do not fit anything.

        :raises NotFound: no such family or schema. :raises InvalidInput: a language that is not supported.
        :raises UnusableSchema: the schema cannot judge anything.
        """
        await self._service.get(f"schemas/{family}/{version}")
        described = read_family((await self._service.get(f"families/{family}")).raw)
        gathering = Gathering(self._service.store, self._service.root)
        await gathering.get(f"schemas/{family}/{version}")
        await gathering.linked(described.language, (family, version, None))
        reads = Reads(gathering.snapshot())
        try:
            document = await to_thread.run_sync(read, raw)
        except Unreadable as error:
            return Verdict((Violation("", "unreadable", error.message),))
        asked = await to_thread.run_sync(question, reads, described, (family, version))
        return Verdict(await self._validator.validate(replace(asked, document=document)))

    async def batch(self, cases: Sequence[Case], remotes: Mapping[str, Any]) -> list[Verdict]:
        """A verdict for each case, in order; one that cannot be judged says so and disturbs no other.

        :param remotes: address → schema that references may name; nothing is ever fetched.
        :raises InvalidInput: a remote that is no document.
        """
        for address, remote in remotes.items():
            _check(f"/remotes/{address[:200]}", remote)
        name = _name([dict(remotes)])
        verdicts = [Verdict()] * len(cases)
        turns = anyio.Semaphore(TOGETHER_MAX)

        async def judge(at: int) -> None:
            async with turns:
                verdicts[at] = await self._case(cases[at], remotes, name)

        async with anyio.create_task_group() as tasks:
            for at in range(len(cases)):
                tasks.start_soon(judge, at)
        return verdicts

    async def _case(self, case: Case, remotes: Mapping[str, Any], remotes_name: str) -> Verdict:
        try:
            _check("schema", case.schema)
            _check("document", case.document)
            name = _name([case.schema, remotes_name])
            asked = ValidationRequest(case.schema, name, case.document, case.formats, remotes)
            return Verdict(await self._validator.validate(asked))
        except (InvalidInput, UnusableSchema) as error:
            return Verdict(error=error.message)


def _check(place: str, value: Any) -> None:
    """A case holds values of JSON, whose integers may be any; only what is stored must be read alike by everybody."""
    fault = fault_of(value, _VALUES)
    if fault is not None:
        raise InvalidInput(f"{place}: {fault.message}, at {fault.pointer or 'the root'}")
    size = len(_text(value))
    if size > _VALUES.bytes_max:
        raise InvalidInput(f"{place}: {size} bytes, and a document is at most {_VALUES.bytes_max}")


def _name(value: Any) -> str:
    """The digest of values that were checked."""
    return digest(_text(value))


def _text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
