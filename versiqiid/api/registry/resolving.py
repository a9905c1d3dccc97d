"""Schemas with all that they refer to: references followed to the texts that they name."""

from __future__ import annotations

from collections.abc import Sequence

from versiqiid.api.registry.faults import RegistryFault, invalid_schema
from versiqiid.api.registry.state import Here, State
from versiqiid.core.registry import records as r
from versiqiid.core.registry.content import Content, Reference, SchemaType, Text

DEPTH_MAX = 50
"""References of references of … that are followed. Arbitrary, and more than anybody has."""


class Resolver:
    """Follows references. Lives for one question, and reads each subject once.

    :param home: the context of subjects that are named without one.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._subjects: dict[str, Here] = {}

    async def text(self, content: Content) -> Text:
        """The content's text with everything that it uses, in an order in which nothing uses what comes later.

        :raises RegistryFault: a reference leads nowhere.
        """
        found: dict[str, str] = {}
        await self._follow(content.type, content.references, found, depth=0)
        return Text(content.type, content.text, tuple(found.items()))

    async def stored(self, here: Here, version: r.Numbered) -> Content:
        """What a version holds.

        :raises RegistryFault: its record is gone.
        """
        entry = await self._state.keys.get(r.id_key(version.id))
        if entry is None:
            raise RegistryFault(50001, f"the record of id {version.id} is gone", status=500)
        record = r.read_id(entry.value)
        return Content(record.type, here.text(version), record.references, record.metadata, record.rule_set)

    async def reference(self, reference: Reference) -> tuple[Here, r.Numbered]:
        """The version that a reference names; -1 is the newest.

        :raises RegistryFault: it is not there.
        """
        here = await self._subject(reference.subject)
        if reference.version == -1 and here.live:
            return here, here.live[-1]
        for version in here.live:
            if version.number == reference.version:
                return here, version
        named = f"'{reference.name}' to version {reference.version} of subject '{reference.subject}'"
        raise invalid_schema(f"No schema reference found: {named} leads nowhere")

    async def _follow(
        self, kind: SchemaType, references: Sequence[Reference], found: dict[str, str], *, depth: int
    ) -> None:
        if depth > DEPTH_MAX:
            raise invalid_schema(f"references are nested more than {DEPTH_MAX} deep")
        for reference in references:
            if reference.name in found:
                continue
            here, version = await self.reference(reference)
            content = await self.stored(here, version)
            if content.type is not kind:
                raise invalid_schema(f"reference '{reference.name}' is of type {content.type}, not {kind}")
            await self._follow(kind, content.references, found, depth=depth + 1)
            found.setdefault(reference.name, content.text)

    async def _subject(self, subject: str) -> Here:
        if subject not in self._subjects:
            self._subjects[subject] = await self._state.load(subject)
        return self._subjects[subject]
