"""The search for a witness: a document that the old schema takes and the new one refuses.

First the documents that are really stored, then documents made up from both schemas, then their neighbours. How many
are tried is bounded; which ones depends on the schemas and the seed alone. Not to find one proves nothing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from versiqiid.core.compatibility.json_schema.filling import filled
from versiqiid.core.compatibility.json_schema.generate import Generator
from versiqiid.core.compatibility.json_schema.hints import hints_of
from versiqiid.core.compatibility.json_schema.model import Node, Reader
from versiqiid.core.compatibility.json_schema.mutate import neighbours, shrink
from versiqiid.core.compatibility.verdict import Broken, Live, Side, Witness
from versiqiid.core.schema import CompiledSchema, compile_schema, violations
from versiqiid.errors import UnusableSchema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from versiqiid.core.canonical import Json

DOCUMENTS_MAX: Final = 4_000
"""Documents that are made up and tried: some 50 ms of work for small schemas."""

_PARENTS_MAX: Final = 40  # documents that fit, and as many that do not, whose neighbours are tried
_MULTIPLIER, _INCREMENT, _MODULUS = 6364136223846793005, 1442695040888963407, 2**64  # Knuth's MMIX


@dataclass(slots=True)
class Search:
    """Looks for a witness against a pair.

    :ivar fill: the new schema's root where readers fill in defaults first: what only lacks those is no witness.
    """

    old: CompiledSchema
    new: CompiledSchema
    seed: int
    documents_max: int
    fill: Node | None

    def refuted_by(self, document: Json) -> bool:
        """Whether the document is a witness."""
        if not self.old.fits(document) or self.new.fits(document):
            return False
        return self.fill is None or not self.new.fits(filled(document, self.fill))

    def broken(self, live: Sequence[Live]) -> tuple[Broken, ...]:
        """The live documents that are witnesses."""
        return tuple(
            Broken(each.name, violations(self.new, each.document)) for each in live if self.refuted_by(each.document)
        )

    def live(self, live: Sequence[Live]) -> Witness | None:
        """The first of them as a witness."""
        first = next((each for each in live if self.refuted_by(each.document)), None)
        return None if first is None else self._witness(first.document, first.name)

    def made_up(self, difference: Json | None) -> Witness | None:
        """A witness that was made up, as small as can be.

        :param difference: a schema of where to look first, or None.
        """
        for document in self._candidates(difference):
            if self.refuted_by(document):
                return self._witness(shrink(document, self.refuted_by))
        return None

    def _witness(self, document: Json, name: str = "") -> Witness:
        read = document if self.fill is None else filled(document, self.fill)
        return Witness(document, violations(self.new, read), name)

    def _candidates(self, difference: Json | None) -> Iterator[Json]:
        left = self.documents_max
        hints = hints_of(self.old.schema, self.new.schema)
        generator = Generator(hints)
        fitting: list[Json] = []
        missing: list[Json] = []  # of the old schema by little: two alternatives of oneOf, say, where one is wanted
        for compiled in self._sources(difference):
            for document in generator.documents(Reader(compiled, Side.OLD).root()):
                left -= 1
                if left < 0:
                    return
                yield document
                (fitting if self.old.fits(document) else missing).append(document)
        for parent in (*self._chosen(fitting), *self._chosen(missing)):
            for document in neighbours(parent, hints):
                left -= 1
                if left < 0:
                    return
                yield document

    def _sources(self, difference: Json | None) -> Iterable[CompiledSchema]:
        if difference is not None:
            with suppress(UnusableSchema):  # it is written for another reader; without it, the search goes on
                yield compile_schema(difference, formats=self.old.formats)
        yield from (self.old, self.new)

    def _chosen(self, parents: list[Json]) -> list[Json]:
        """The simplest, and then some that the seed picks."""
        half = _PARENTS_MAX // 2
        chosen, rest = parents[:half], parents[half:]
        state = self.seed
        while rest and len(chosen) < _PARENTS_MAX:
            state = (state * _MULTIPLIER + _INCREMENT) % _MODULUS
            chosen.append(rest.pop((state >> 33) % len(rest)))
        return chosen
