"""What the laws are tried on: stored configs, documents made from a schema, results of the opposite step, and mutations
of all of these. Which of them fit their schema is said by a validator, not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from versiqiid.core.canonical import Json, canonical
from versiqiid.core.generate import Dice, documents, mutate

POOL_MAX = 200
"""Documents that mutations start from. Arbitrary."""

GENERATED = "generated"


@dataclass(frozen=True, slots=True)
class Candidate:
    """:ivar origin: ``generated``, or the key of the config that it is."""

    document: Json
    origin: str = GENERATED

    @property
    def stored(self) -> bool:
        return self.origin != GENERATED


@dataclass(slots=True)
class Inputs:
    """The candidates of one direction, no two alike, the same ones for the same arguments.

    :ivar live: stored configs: they come first.
    :ivar images: documents that the opposite step gave.
    :ivar most: how many candidates there are at most.
    """

    schema: Json
    seed: int
    most: int
    live: Sequence[Candidate] = ()
    images: Sequence[Json] = ()
    extras: tuple[str, ...] = ()
    _seen: set[bytes] = field(default_factory=set)
    _pool: list[Json] = field(default_factory=list)

    def __iter__(self) -> Iterator[Candidate]:
        given = 0
        for candidate in self._all():
            if given == self.most:
                return
            if self._is_new(candidate.document):
                given += 1
                self._keep(candidate.document)
                yield candidate

    def _all(self) -> Iterator[Candidate]:
        """Stored configs first; then documents of the schema, images and mutations in turn."""
        yield from self.live
        dice = Dice(self.seed)
        sources = (documents(self.schema, seed=self.seed, extras=self.extras), iter(self.images), iter(()))
        for turn in range(8 * self.most):
            made = next(sources[turn % 3], None)
            if made is not None:
                yield Candidate(made)
            elif self._pool:
                yield Candidate(mutate(dice.pick(self._pool), dice, self._pool))

    def _keep(self, document: Json) -> None:
        if len(self._pool) < POOL_MAX:
            self._pool.append(document)

    def _is_new(self, document: Json) -> bool:
        try:
            key = canonical(document)
        except ValueError:  # a mutation may leave the range of numbers
            return False
        fresh = key not in self._seen
        self._seen.add(key)
        return fresh
