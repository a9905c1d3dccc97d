"""Ids given out: one number for one content, for ever, in the same transaction as what it is given to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from versiqiid.api.registry.commits import Keys
from versiqiid.api.registry.faults import not_permitted
from versiqiid.core.registry import records as r
from versiqiid.core.registry.content import Content
from versiqiid.ports import Operation, Set


@dataclass(slots=True)
class Ids:
    """The ids of one transaction that is being put together; ``operations`` guards and writes them.

    Two processes that give out the next number at once write the same key over the same revision, so one of them fails
    and looks again: no number is ever given twice, and none comes back.
    """

    keys: Keys
    _last: tuple[int, int] | None = None
    _given: bool = False
    _known: dict[int, tuple[r.Id, int]] = field(default_factory=dict)
    _contents: dict[str, tuple[int, int, bool]] = field(default_factory=dict)

    async def find(self, identity: str) -> int | None:
        """The id that this content has, or None: it never had one, or its id was imported for another content since."""
        if identity not in self._contents:
            entry = await self.keys.get(r.content_key(identity))
            if entry is None:
                return None
            self._contents[identity] = (int(entry.value), entry.revision, False)
        number = self._contents[identity][0]
        known = await self._record(number)
        return number if known is None or known[0].identity == identity else None

    async def give(self, content: Content, identity: str, use: tuple[str, str], wanted: int | None = None) -> int:
        """The content's id, a new one if need be, with this family and version among its uses.

        :param wanted: the id that it must have (imports).
        :raises RegistryFault: ``wanted`` stands for something else that is still there.
        """
        found = await self.find(identity)
        number = wanted if wanted is not None else found if found is not None else await self._next()
        if wanted is not None:
            await self._reach(wanted)
        if found is None:
            revision = self._contents[identity][1] if identity in self._contents else 0
            self._contents[identity] = (number, revision, True)
        record, revision = await self._record(number) or (None, 0)
        if record is None or record.identity != identity:
            if record is not None and record.uses:
                raise not_permitted(f"Overwrite new schema with id {number} is not permitted.")
            record = r.Id(content.type, identity, content.references, content.metadata, content.rule_set)
        self._known[number] = (replace(record, uses=tuple(dict.fromkeys((*record.uses, use)))), revision)
        return number

    async def take(self, number: int, use: tuple[str, str]) -> None:
        """Remove a use of an id; the id itself stays with its content."""
        known = await self._record(number)
        if known is not None:
            record, revision = known
            self._known[number] = (replace(record, uses=tuple(u for u in record.uses if u != use)), revision)

    def operations(self) -> list[Operation]:
        """What has to be committed together with what the ids were given to."""
        made: list[Operation] = [
            Set(r.id_key(number), record.as_bytes(), revision) for number, (record, revision) in self._known.items()
        ]
        made += [
            Set(r.content_key(identity), str(number).encode(), revision)
            for identity, (number, revision, moved) in self._contents.items()
            if moved
        ]
        if self._given and self._last is not None:
            made.append(Set(r.LAST_ID, str(self._last[0]).encode(), self._last[1]))
        return made

    async def _record(self, number: int) -> tuple[r.Id, int] | None:
        if number not in self._known:
            entry = await self.keys.get(r.id_key(number))
            if entry is not None:
                self._known[number] = (r.read_id(entry.value), entry.revision)
        return self._known.get(number)

    async def _next(self) -> int:
        value, revision = await self._read_last()
        self._last, self._given = (value + 1, revision), True
        return value + 1

    async def _reach(self, number: int) -> None:
        value, revision = await self._read_last()
        if number > value:
            self._last, self._given = (number, revision), True

    async def _read_last(self) -> tuple[int, int]:
        if self._last is None:
            entry = await self.keys.get(r.LAST_ID)
            self._last = (int(entry.value), entry.revision) if entry else (0, 0)
        return self._last
