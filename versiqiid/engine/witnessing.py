"""Witnesses asked to cosign what was signed: whoever holds the signing key cannot show two histories past them.

A witness remembers one checkpoint of each log and cosigns only what extends it (C2SP ``tlog-witness``). Nothing that it
says is believed without its signature. What is written on the wire is ``core/cosignature.py``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import anyio

from versiqiid.core.cosignature import WitnessKey, cosignatures, parse_size, request, with_cosignatures
from versiqiid.core.note import Checkpoint, peek_checkpoint
from versiqiid.errors import JournalRefused, Refused, Unavailable, VersiqiiError
from versiqiid.ports import Journal, Metrics

_ATTEMPTS = 4
_OK, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _UNPROCESSABLE = 200, 403, 404, 409, 422


class WitnessedJournal(Journal, Protocol):
    """A journal whose checkpoints can be witnessed."""

    async def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """That the tree of ``new`` entries begins with the one of ``old`` (at least 1)."""
        ...

    async def keep_cosigned(self, note: bytes) -> bool:
        """Keep the newest checkpoint with more signatures; False when there is a newer one by now."""
        ...


class Door(Protocol):
    """The way to one witness."""

    @property
    def place(self) -> str:
        """What errors call it."""
        ...

    async def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        """HTTP status and body of its answer.

        :raises Unavailable: no answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness and the key by which its cosignatures are known."""

    door: Door
    key: WitnessKey


async def cosign(journal: WitnessedJournal, witness: Witness) -> bytes:
    """The newest checkpoint, cosigned by the witness and kept so; nothing is asked when it is already.

    :raises JournalRefused: ``fork``: the witness has seen another history of this log; ``truncation``: it has seen more
        than the journal has; ``witness`` or ``format``: its answer is not what it should be.
    :raises Refused: it does not know this log or its key. :raises Unavailable: no answer, or no usable one.
    """
    place, old = witness.door.place, 0
    for _ in range(_ATTEMPTS):
        note, checkpoint = await _newest(journal)
        if cosignatures(note, [witness.key], place):
            return note
        if old > checkpoint.size:
            has = f"it has cosigned {old} entries, the journal has {checkpoint.size}"
            raise JournalRefused("truncation", place, has, hint="the journal may have been put back to an older state")
        proof = () if old in (0, checkpoint.size) else await journal.consistency_proof(old, checkpoint.size)
        status, answer = await witness.door.add_checkpoint(request(old, proof, note))
        if status == _CONFLICT:
            told = parse_size(answer, place)
            if told == old:
                raise _fork(place, checkpoint)
            old = told
            continue
        if status != _OK:
            raise _refusal(status, place, checkpoint)
        made = with_cosignatures(note, answer, witness.key, place)
        if await journal.keep_cosigned(made):
            return made
    raise Unavailable(f"witness {place}: the log moved on {_ATTEMPTS} times")


async def _newest(journal: Journal) -> tuple[bytes, Checkpoint]:
    note = await journal.checkpoint()
    if note is None:
        raise JournalRefused("missing", "checkpoint", "the journal was never signed")
    return note, peek_checkpoint(note, "checkpoint")


def _fork(place: str, checkpoint: Checkpoint) -> JournalRefused:
    said = f"it has seen another history of {checkpoint.origin}"
    return JournalRefused("fork", place, said, hint="keep the files as they are: a person must look")


def _refusal(status: int, place: str, checkpoint: Checkpoint) -> VersiqiiError:
    if status == _UNPROCESSABLE:
        return _fork(place, checkpoint)
    if status in (_NOT_FOUND, _FORBIDDEN):
        what = "this log" if status == _NOT_FOUND else "the key of this log"
        return Refused(f"witness {place}: it does not know {what}", hint="give its operator the origin and log.vkey")
    return Unavailable(f"witness {place}: answered {status}")


class WitnessLoop:
    """Has the newest checkpoint cosigned at intervals, by every witness that can be reached.

    :ivar trouble: the last failures' sentences, empty while all of them cosign.
    """

    def __init__(
        self, journal: WitnessedJournal, witnesses: Sequence[Witness], *, interval_s: float, metrics: Metrics
    ) -> None:
        """:param interval_s: the setting ``witness-interval-s``, in seconds."""
        self._journal = journal
        self._witnesses = witnesses
        self._interval_s = interval_s
        self._metrics = metrics
        self.trouble = ""

    async def run(self) -> None:
        """Until cancelled. A witness that is away costs nothing but being behind: size and note tell.

        :raises JournalRefused: ``fork`` or ``truncation``: a witness has seen something else. A person must look.
        """
        size = -1
        while True:
            await self._journal.wait_beyond(max(size, 0))
            failures, sizes = [], []
            for witness in self._witnesses:
                try:
                    note = await cosign(self._journal, witness)
                except JournalRefused as refusal:
                    if refusal.fault != "missing":
                        raise
                except VersiqiiError as error:
                    failures.append(error.message)
                else:
                    sizes.append(peek_checkpoint(note, "checkpoint").size)
            self.trouble = "; ".join(failures)
            if len(sizes) == len(self._witnesses):
                size = min(sizes)
                self._metrics.gauge("versiqii_witnessed_entries", size)
            await anyio.sleep(self._interval_s)
