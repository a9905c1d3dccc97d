"""Versions and ids as the protocol's answers tell them. Nothing is changed here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from versiqiid.api.registry.faults import schema_not_found
from versiqiid.api.registry.finding import Finding
from versiqiid.api.registry.resolving import Resolver
from versiqiid.api.registry.state import Here, State
from versiqiid.core.registry import records as r
from versiqiid.core.registry.content import Content

_GUID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody wants to be told.

    :ivar style: of the text; see ``Finding.styled``.
    :ivar full: with what only some clients can read: ``guid``, ``ts`` (milliseconds since the epoch) and ``deleted``.
    """

    style: str = ""
    full: bool = False


class Telling:
    """Reads what belongs to a version and puts it into the protocol's words."""

    def __init__(self, state: State, finding: Finding) -> None:
        self._state = state
        self._finding = finding

    async def version(self, here: Here, version: r.Numbered, manner: Manner) -> dict[str, Any]:
        """One version of a subject."""
        named = {"subject": here.subject, "version": version.number, "id": version.id}
        return named | await self.schema(here, version, manner)

    async def schema(self, here: Here, version: r.Numbered, manner: Manner) -> dict[str, Any]:
        """What the version holds, without its name."""
        content = await Resolver(self._state).stored(here, version)
        told = _described(content, await self._finding.styled(content, manner.style))
        return told | (await self._more(here, version) if manner.full else {})

    async def given(self, here: Here, version: r.Numbered, manner: Manner) -> dict[str, Any]:
        """The answer to a registration: the id, and all the rest for who reads more."""
        told = {"id": version.id}
        if manner.full:
            told |= {"version": version.number, **await self.schema(here, version, manner)}
        return told

    async def of_guid(self, guid: str) -> int:
        """The id of the content that has this guid.

        :raises RegistryFault: none has it.
        """
        digits = guid.replace("-", "").lower()
        if len(digits) == _GUID_DIGITS and digits.isalnum():
            for entry in (await self._state.keys.under(r.content_key(digits))).values():
                number = int(entry.value)
                if await self._finding.uses(number, deleted=True):
                    return number
        raise schema_not_found(guid[: 2 * _GUID_DIGITS])

    async def _more(self, here: Here, version: r.Numbered) -> dict[str, Any]:
        entry, text = await self._state.keys.get(r.id_key(version.id)), here.texts.get(version.name)
        told: dict[str, Any] = {"guid": _guid(r.read_id(entry.value).identity)} if entry else {}
        if text is not None and text.created is not None:
            told["ts"] = int(text.created * 1000)
        return told | {"deleted": version.deleted}


def _guid(identity: str) -> str:
    """A content's guid: its identity, as far as a guid goes."""
    return str(uuid.UUID(hex=identity[:_GUID_DIGITS]))


def _described(content: Content, text: str) -> dict[str, Any]:
    """Type, text and what belongs to it."""
    told: dict[str, Any] = {"schemaType": content.type.value, "schema": text}
    if content.references:
        told["references"] = [each.as_json() for each in content.references]
    extra: Mapping[str, Any] = {"metadata": content.metadata, "ruleSet": content.rule_set}
    return told | {name: value for name, value in extra.items() if value}
