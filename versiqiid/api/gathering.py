"""The keys that one question needs, read from the store now: what was just written is seen, also by a standby."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from versiqiid.core import keys as k
from versiqiid.core.document import read
from versiqiid.core.linked import linked
from versiqiid.core.objects import read_target
from versiqiid.core.snapshot import Observation, Reads, Snapshot, Value
from versiqiid.errors import InvalidInput
from versiqiid.ports import KeyValueStore


class Gathering:
    """Keys of one root, collected into a snapshot of their own.

    :param overlay: relative key → value that a transaction is about to write, None = about to delete.
    """

    def __init__(self, store: KeyValueStore, root: str, overlay: Mapping[str, bytes | None] | None = None) -> None:
        self._store = store
        self._root = root
        self._overlay = dict(overlay or {})
        self._found: dict[str, Value] = {}

    async def get(self, *keys: str) -> None:
        """Collect these keys, where they are."""
        for key in keys:
            entry = await self._store.get(f"{self._root}/{key}")
            if entry is not None:
                self._found[key] = Value(entry.value, entry.revision)

    async def under(self, *prefixes: str) -> None:
        """Collect everything under these prefixes, each a key or a place that ends with ``/``."""
        strip = len(self._root) + 1
        for prefix in prefixes:
            listing = await self._store.scan(f"{self._root}/{prefix}")
            self._found |= {entry.key[strip:]: Value(entry.value, entry.revision) for entry in listing.entries}

    async def family(self, family: str) -> None:
        """Collect a family with its schemas and migrations."""
        await self.get(f"families/{family}")
        await self.under(f"schemas/{family}/", f"migrations/{family}/")

    async def linked(self, language: str, *schemas: tuple[str, str | None, bytes | None]) -> None:
        """Collect all that these schemas refer to, and what says where that is; what is missing stays so.

        :param schemas: family, version and text of each; None = the text that is collected already.
        """
        asked: set[str] = set()
        while True:
            reads = Reads(self.snapshot())
            for family, version, raw in schemas:
                with suppress(InvalidInput):
                    linked(reads, language, (family, version), raw)
            new = reads.guards.keys() - asked
            if not new:
                return
            asked |= new
            await self.get(*sorted(new))

    async def modules(self, family: str, pairs: Iterable[tuple[str, str]]) -> None:
        """Collect the modules that these migrations name, after ``family``."""
        for source, destination in pairs:
            hexdigest = self._module(f"migrations/{family}/{source}/{destination}")
            if hexdigest is not None:
                await self.under(f"modules/{hexdigest}")

    async def configs(self, family: str) -> None:
        """Collect the configs of every target of the family."""
        await self.under("targets/")
        for key, value in list(self._now().items()):
            meaning = k.parse(key)
            if not isinstance(meaning, k.TargetKey):
                continue
            try:
                if read_target(value.raw).family == family:
                    await self.under(f"configs/{meaning.target}/")
            except InvalidInput:
                continue

    def snapshot(self) -> Snapshot:
        """What was collected, with the overlay over it."""
        snapshot = Snapshot()
        snapshot.apply(Observation(self._now(), index=1, complete=True))
        return snapshot

    def _now(self) -> dict[str, Value]:
        there = {key: value for key, value in self._found.items() if key not in self._overlay}
        return there | {key: Value(raw, 1) for key, raw in self._overlay.items() if raw is not None}

    def _module(self, key: str) -> str | None:
        value = self._now().get(key)
        try:
            told = read(value.raw) if value else None
        except InvalidInput:
            return None
        module = told.get("module") if isinstance(told, dict) else None
        hexdigest = module.removeprefix("sha256:") if isinstance(module, str) else ""
        return hexdigest if isinstance(k.parse(f"modules/{hexdigest}"), k.ModuleKey) else None
