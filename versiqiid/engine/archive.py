"""The journal kept elsewhere: a log in the public format (C2SP ``tlog-tiles``) among objects that are created once.

::

    log.vkey  tile/…                    as ``audit export`` writes them, never changed
    checkpoints/<size, 20 digits>       every checkpoint that was archived
    state/<size, 20 digits>.json        what no entry tells: epoch and outbox positions then
    documents/<sha256 hex>.age          every kept value, encrypted; absent where there is no recipient; or .sealed,
                                        under a data key of Vault
    checkpoint                          the newest one: the only object that is replaced, and the last one written

So what ``checkpoint`` stands for is always complete. Stopped at any moment and repeated, the end is the same.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from anyio import to_thread

from versiqiid.core import merkle, tiles
from versiqiid.core.canonical import canonical, digest
from versiqiid.core.note import Checkpoint, VerifierKey, verify_checkpoint
from versiqiid.core.tiles import Place
from versiqiid.engine.audit import BOOKKEEPING, CHECKPOINT_STREAM, AuditedJournal
from versiqiid.engine.parallel import in_parallel
from versiqiid.errors import Conflict, JournalRefused, Refused
from versiqiid.ports import Actor, Draft, Query

DOCUMENTS, CHECKPOINTS, STATE = "documents/", "checkpoints/", "state/"
AGE, SEALED = ".age", ".sealed"
"""How documents are encrypted: for holders of an age identity, or under data keys of Vault (``core/sealed.py``)."""

_BUNDLES = 16
"""Bundles read at once; arbitrary, bounds the memory."""

_NAMES = 1000


class Objects(Protocol):
    """A place with named objects that can be created once."""

    @property
    def place(self) -> str:
        """What errors call it."""
        ...

    async def create(self, name: str, data: bytes) -> bool:
        """Make an object that is not there; False when it is, and then it is as it was."""
        ...

    async def read(self, name: str) -> tuple[bytes, str] | None:
        """An object and its tag, or None."""
        ...

    async def replace(self, name: str, data: bytes, tag: str | None) -> None:
        """Write an object over exactly what was read (None = nothing was there).

        :raises Conflict: something else is there.
        """
        ...

    async def names(self, prefix: str) -> tuple[str, ...]:
        """The names of all objects below a prefix, prefix included."""
        ...


class ArchivedJournal(AuditedJournal, Protocol):
    """A journal that can be archived."""

    async def document_names(self, after: str = "", limit: int = 1000) -> tuple[str, ...]:
        """Digests of kept documents in their order, from the one behind ``after``."""
        ...

    async def standing(self) -> Any:
        """``epoch`` and ``outbox`` (positions by sink)."""
        ...


@dataclass(frozen=True, slots=True)
class Archived:
    """What the archive now holds. ``before``: entries it held; ``documents``: how many were added."""

    size: int
    before: int
    documents: int
    root: bytes


class Archive:
    """One journal's archive; used again and again, it remembers which documents are there.

    :param key: the verifier key that the journal is signed with.
    :param seal: encrypts a document; None = documents are not archived.
    :param actor: who archives.
    :param suffix: how it does, as names tell it.
    """

    def __init__(
        self,
        journal: ArchivedJournal,
        objects: Objects,
        key: VerifierKey,
        seal: Callable[[bytes], bytes] | None,
        *,
        actor: Actor,
        suffix: str = AGE,
    ) -> None:
        self._suffix = suffix
        self._journal = journal
        self._objects = objects
        self._key = key
        self._seal = seal
        self._actor = actor
        self._kept: set[str] | None = None
        self._news = False

    async def bring(self) -> Archived:
        """Bring the archive up to the journal's newest checkpoint; it is complete when this returns.

        Where it took new facts away, that is a fact itself: ``CheckpointSigned``.

        :raises JournalRefused: ``missing``: the journal was never signed; ``fork`` or ``truncation``: the archive is no
            beginning of this journal; ``tile``: one of its objects is not what the journal has; ``entry`` or
            ``document``: the journal's own bytes are not what was appended. The archive's checkpoint is as it was.
        :raises Refused: the archive belongs to another key, or its server does not keep what was created.
        :raises Unavailable: no answer; repeat it.
        """
        note = await self._journal.checkpoint()
        if note is None:
            raise JournalRefused("missing", "checkpoint", "the journal was never signed")
        checkpoint = verify_checkpoint(note, [self._key], "checkpoint")
        await self._claim()
        before, tag = await self._existing()
        if before.size > checkpoint.size:
            has, mine = before.size, checkpoint.size
            raise JournalRefused("truncation", tiles.CHECKPOINT, f"the archive has {has} entries, the journal {mine}")
        if before.size and await self._journal.root(before.size) != before.root:
            raise JournalRefused(
                "fork", tiles.CHECKPOINT, f"its {before.size} entries are no beginning of this journal"
            )
        added = await self._documents()
        if before.size < checkpoint.size or tag is None:
            self._news = False
            await self._log(before.size, checkpoint)
            await self._finish(checkpoint, note, tag)
            if self._news:
                await self._journal.append([self._signed(checkpoint)])
        return Archived(checkpoint.size, before.size, added, checkpoint.root)

    @property
    def place(self) -> str:
        """Where it is."""
        return self._objects.place

    async def documents(self) -> set[str]:
        """The digests of all documents that are in it now, encrypted as they are now; asked anew."""
        names = await self._objects.names(DOCUMENTS)
        return {document_of(name) for name in names if name.endswith(self._suffix)}

    async def _claim(self) -> None:
        """Put the key there, or find it there; and see that what is created stays."""
        vkey = f"{self._key}\n".encode()
        made = await self._objects.create(tiles.VKEY, vkey)
        if made and await self._objects.create(tiles.VKEY, vkey):
            raise Refused(
                f"{self._objects.place}: the server does not honour If-None-Match and would overwrite what is archived",
                hint="use a server that does, as AWS, versitygw and MinIO do",
            )
        found = await self._objects.read(tiles.VKEY)
        if found is None or found[0] != vkey:
            raise Refused(f"{self._objects.place}: it belongs to another key", hint="give each journal a prefix")

    async def _existing(self) -> tuple[Checkpoint, str | None]:
        found = await self._objects.read(tiles.CHECKPOINT)
        if found is None:
            return Checkpoint(self._key.name, 0, merkle.EMPTY_ROOT), None
        return verify_checkpoint(found[0], [self._key], tiles.CHECKPOINT), found[1]

    # ---------------------------------------------------------------------------------------------------- the log

    async def _log(self, since: int, checkpoint: Checkpoint) -> None:
        """Bundles and tiles from the one in which the archive ends; ``since`` is its size."""
        start = since // merkle.TILE_WIDTH * merkle.TILE_WIDTH
        builder = merkle.Builder([await self._journal.tree_hashes(*place) for place in merkle.edge(start)])
        while builder.size < checkpoint.size:
            stop = min(builder.size + _BUNDLES * merkle.TILE_WIDTH, checkpoint.size)
            await self._put([(place.path, data) for place, data in await self._copy(builder, stop, since)])
        if builder.root() != checkpoint.root:
            raise JournalRefused("root", tiles.CHECKPOINT, "the journal's entries do not lead to what was signed")
        await self._put([(place.path, data) for place, data in _edge(builder)])

    async def _copy(self, builder: merkle.Builder, stop: int, since: int) -> list[tuple[Place, bytes]]:
        """Bundles up to ``stop`` and the tiles that they complete."""
        start, width = builder.size, merkle.TILE_WIDTH
        page = await self._journal.read(Query(start=start, before=stop, limit=stop - start))
        stored = await self._journal.tree_hashes(0, start, stop)
        if len(page) != stop - start:
            raise JournalRefused("missing", f"position {start + len(page)}", "the entry is gone")
        self._news = self._news or any(r.type not in BOOKKEEPING for r in page if r.position >= since)
        entries = [recorded.entry for recorded in page]
        made: list[tuple[Place, bytes]] = []
        for at in range(0, len(entries), width):
            part = entries[at : at + width]
            made.append((Place(None, (start + at) // width, len(part)), tiles.encode_bundle(part)))
        for position, (entry, expected) in enumerate(zip(entries, stored, strict=True), start):
            leaf = merkle.leaf_hash(entry)
            if leaf != expected:
                raise JournalRefused("entry", f"position {position}", "not the entry that was appended")
            made += [(Place(t.level, t.index, width), tiles.encode_tile(t.hashes)) for t in builder.add(leaf)]
        return made

    async def _put(self, objects: Sequence[tuple[str, bytes]]) -> None:
        """Create objects, several at a time; one that is there already must hold the same bytes."""

        async def put(name: str, data: bytes) -> None:
            if await self._objects.create(name, data):
                return
            found = await self._objects.read(name)
            if found is None or found[0] != data:
                raise JournalRefused("tile", name, "the object is not what the journal has")

        await in_parallel(partial(put, name, data) for name, data in objects)

    async def _finish(self, checkpoint: Checkpoint, note: bytes, tag: str | None) -> None:
        standing = await self._journal.standing()
        state = canonical({"epoch": standing.epoch, "outbox": dict(standing.outbox)})
        await self._objects.create(f"{STATE}{checkpoint.size:020d}.json", state)  # the first of a size will do
        await self._objects.create(f"{CHECKPOINTS}{checkpoint.size:020d}", note)
        try:
            await self._objects.replace(tiles.CHECKPOINT, note, tag)
        except Conflict:
            found = await self._objects.read(tiles.CHECKPOINT)
            if found is None or found[0] != note:
                raise

    def _signed(self, checkpoint: Checkpoint) -> Draft:
        data = {
            "size": checkpoint.size,
            "root": base64.b64encode(checkpoint.root).decode(),
            "key": f"{self._key.name}+{self._key.key_id.hex()}",
        }
        return Draft("CheckpointSigned", CHECKPOINT_STREAM, data, self._actor, str(uuid.uuid4()))

    # -------------------------------------------------------------------------------------------------- documents

    async def _documents(self) -> int:
        """Put every kept value there that is not; the number of those."""
        if self._seal is None:
            return 0
        if self._kept is None:
            self._kept = set(await self._objects.names(DOCUMENTS))
        kept, added, after = self._kept, 0, ""
        while page := await self._journal.document_names(after, _NAMES):
            missing = [name for name in page if object_of(name, self._suffix) not in kept]
            await in_parallel(partial(self._document, name) for name in missing)
            kept.update(object_of(name, self._suffix) for name in missing)
            added, after = added + len(missing), page[-1]
        return added

    async def _document(self, name: str) -> None:
        value = await self._journal.document(name)
        if value is None:
            raise Conflict(f"{name}: let go of meanwhile", key=name, expected=1, found=0, hint="repeat it")
        if digest(value) != name:
            raise JournalRefused("document", name, "the bytes that are kept have another digest")
        if self._seal is not None:
            await self._objects.create(object_of(name, self._suffix), await to_thread.run_sync(self._seal, value))


def object_of(document: str, suffix: str = AGE) -> str:
    """Where the document of a digest lies, encrypted in this way."""
    return f"{DOCUMENTS}{document.removeprefix('sha256:')}{suffix}"


def document_of(name: str) -> str:
    """The digest of the document that lies there."""
    return f"sha256:{name.removeprefix(DOCUMENTS).partition('.')[0]}"


def _edge(builder: merkle.Builder) -> list[tuple[Place, bytes]]:
    """The partial tiles at the right edge."""
    found = []
    for level, row in enumerate(builder.rows):
        if row:
            index = (builder.size >> (merkle.TILE_HEIGHT * level)) // merkle.TILE_WIDTH
            found.append((Place(level, index, len(row)), tiles.encode_tile(row)))
    return found
