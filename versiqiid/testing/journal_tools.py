"""What tests of journals share: a standing clock, a signer that can be sent away, drafts, a look at all entries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel

from versiqiid.core import ed25519, merkle, note
from versiqiid.core.canonical import digest
from versiqiid.errors import Unavailable
from versiqiid.ports import Actor, Draft, Intent, IntentId, Journal, Observed, Query, Recorded

PATIENCE_S = 20.0
"""How long a tail may take to wake. A bound against hanging, not a promise."""

ACTOR = Actor("user", "ada", "cli")
MANY = 300
"""More than a tile of the Merkle tree holds."""


class SteppingClock:
    """A clock that stands until it is told otherwise; called, it gives seconds since the epoch."""

    def __init__(self) -> None:
        self.now = 1_760_983_200.0

    def __call__(self) -> float:
        return self.now


class LocalSigner:
    """A signer with a fixed key that can be sent away."""

    def __init__(self, name: str, seed: bytes = bytes(range(32))) -> None:
        self._seed = seed
        self.key = note.VerifierKey(name, ed25519.public_key(seed))
        self.away = False
        self.signed: list[bytes] = []

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def vkey(self) -> str:
        return str(self.key)

    async def sign(self, message: bytes) -> bytes:
        await anyio.lowlevel.checkpoint()
        if self.away:
            raise Unavailable("the signer is away")
        self.signed.append(message)
        return ed25519.sign(self._seed, message)


def draft(number: int = 0, **changes: Any) -> Draft:
    """A draft that is like no other number's."""
    made = Draft(
        type="ConfigRevised",
        stream=f"spec/s{number % 3}",
        data={"number": number},
        actor=ACTOR,
        correlation_id=f"c-{number % 5}",
    )
    return replace(made, **changes)


def about(key: str, revision: int, value: bytes | None) -> Draft:
    """A draft about a key's new value (None = deleted)."""
    seen = Observed(key, revision, None if value is None else digest(value))
    return draft(0, stream=f"key/{key}", data={"key": key}, observed=seen, documents=() if value is None else (value,))


def intent(name: str, *drafts: Draft, epoch: int = 1) -> Intent:
    """An intent of that name."""
    return Intent(IntentId(name), f"versiqii/_system/receipts/{name}", epoch, 0, drafts)


async def everything(journal: Journal) -> list[Recorded]:
    """All entries, ascending."""
    return list(await journal.read(Query(limit=10_000)))


def tree_of(entries: list[Recorded]) -> merkle.Builder:
    """The Merkle tree over entries, from their bytes alone."""
    builder = merkle.Builder()
    for entry in entries:
        builder.add(merkle.leaf_hash(entry.entry))
    return builder
