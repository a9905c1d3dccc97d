"""The one way in: boundaries first, then random documents without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from versiqiid.core.generate.boundaries import Boundaries
from versiqiid.core.generate.dice import Dice
from versiqiid.core.generate.flatten import Schemas, identity
from versiqiid.core.generate.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from versiqiid.core.canonical import Json

ALIKE_MAX = 100
"""So many documents in a row that were made before, and there are no more. Arbitrary."""


def documents(
    schema: Json, *, seed: int, remotes: Mapping[str, Json] | None = None, extras: tuple[str, ...] = ()
) -> Iterator[Json]:
    """Documents that should fit the schema, no two alike, the same ones for the same arguments. The first is minimal.

    Ends when the schema seems to allow no other document (a handful of enums), otherwise never: take as many as there
    is time for. Each costs some tens of microseconds, and the work on one is bounded whatever the schema says.

    :param seed: decides every random document; boundaries come whatever it is.
    :param remotes: address → schema that references may name.
    :param extras: names of members that objects which allow it now and then get in addition; none unless told.
    """
    schemas = Schemas(schema, remotes)
    seen: set[bytes] = set()
    boundaries = Boundaries(schemas).of(schema)
    for document in boundaries:
        if _is_new(document, seen):
            yield document
    dice = Dice(seed)
    samples = Samples(schemas, dice, extras)
    alike = 0 if boundaries else ALIKE_MAX
    while alike < ALIKE_MAX:
        document = samples.of(schema)
        if _is_new(document, seen):
            alike = 0
            yield document
        else:
            alike += 1


def _is_new(document: Json, seen: set[bytes]) -> bool:
    key = identity(document)
    if key is None or key in seen:
        return False
    seen.add(key)
    return True
