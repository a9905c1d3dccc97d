"""What changed in a heavy shard, found by indexes: many small questions instead of one answer with everything.

When there is no room for more queries, shards are larger than one likes to read at each change. A list of names one
level down is small, and carries the index of everything below it (``docs/consul-rules.md`` rule 9): so names are asked
for under ever narrower prefixes, only where the index is news, and only what is left at the end is read. No waiting and
no pacing here; who asks is a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import anyio

from versiqiid.core.scope import member_of
from versiqiid.core.shards import Kind, Query, common, slice_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from versiqiid.ports import Entry


@dataclass(frozen=True, slots=True)
class Names:
    """What there is one level below a prefix: leaves, and directories with their ``/``.

    :ivar index: of everything below the prefix.
    """

    names: tuple[str, ...]
    index: int


class Reader(Protocol):
    """Asks the store, and sees to it that not too much is asked at once. Every answer has the quorum's word."""

    async def names(self, prefix: str) -> Names: ...

    async def entries(self, query: Query) -> Mapping[str, Entry]: ...


@dataclass(slots=True)
class _Search:
    """:ivar found: what there is now under each part that may have changed."""

    keys: Sequence[str]
    weights: Sequence[int]
    since: int
    light: int
    reader: Reader
    found: dict[Query, Mapping[str, Entry]] = field(default_factory=dict)

    def slice(self, query: Query) -> tuple[int, int]:
        return slice_of(self.keys, query)

    def load(self, query: Query) -> int:
        start, end = self.slice(query)
        return self.weights[end] - self.weights[start]

    async def visit(self, prefix: str, names: Sequence[str]) -> None:
        """Look below a prefix under which something changed."""
        query = Query(prefix, Kind.SUBTREE)
        start, end = self.slice(query)
        if not names:
            self.found[query] = {}
            return
        members = {member_of(key, prefix) for key in self.keys[start:end]} | set(names)
        parts = parts_of(prefix, members) if self.load(query) > self.light else ()
        if not parts:
            await self._read(query)
            return
        async with anyio.create_task_group() as tasks:
            for part in parts:
                tasks.start_soon(self._probe, part)

    async def _probe(self, part: Query) -> None:
        if part.kind is Kind.KEY:
            await self._read(part)
            return
        below = await self.reader.names(part.prefix)
        if below.index > self.since or not below.names:
            await self.visit(part.prefix, below.names)

    async def _read(self, query: Query) -> None:
        self.found[query] = await self.reader.entries(query)


def parts_of(prefix: str, members: Iterable[str]) -> tuple[Query, ...]:
    """Queries that together hold all members, no two the same, each narrower than the prefix; none when it is all one.

    :param members: names one level below the prefix, each of which stands for all that begins with it when it ends
        with ``/``.
    """
    distinct = sorted(set(members))
    base = common(distinct[0], distinct[-1])
    if len(distinct) == 1:
        return (Query(base, Kind.SUBTREE),) if base != prefix and base.endswith("/") else ()
    parts = {Query(base, Kind.KEY)} if distinct[0] == base else set()
    parts |= {Query(member[: len(base) + 1], Kind.SUBTREE) for member in distinct if member != base}
    return tuple(sorted(parts))


async def drill(
    held: Mapping[str, Entry],
    names: Sequence[str],
    prefix: str,
    *,
    since: int,
    light: int,
    weigh: Callable[[Entry], int],
    reader: Reader,
) -> dict[str, Entry]:
    """What there is under the prefix now, in order of keys: all that was written up to the moment of asking is in it.

    :param held: what there was up to the index ``since``, in order of keys.
    :param names: what there is one level down.
    :param light: parts up to this weight are read at once.
    :raises VersiqiiError: what the reader raises; the first, unwrapped.
    """
    keys, sums = list(held), [0]
    for entry in held.values():
        sums.append(sums[-1] + weigh(entry))
    search = _Search(keys, sums, since, light, reader)
    try:
        await search.visit(prefix, names)
    except ExceptionGroup as group:
        raise _first(group) from None
    fresh = dict(held)
    for query, found in search.found.items():
        start, end = search.slice(query)
        for key in keys[start:end]:
            fresh.pop(key, None)
        fresh.update(found)
    return dict(sorted(fresh.items()))


def _first(group: ExceptionGroup[Exception]) -> Exception:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error
