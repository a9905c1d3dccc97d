"""What the API refuses to write about schemas: one that breaks its family's promise, and steps that no life has.

Raw key writes cannot be refused; what they do is told afterwards. Judged are schemas that will be published or
deprecated when the transaction is through: a draft may be anything, and must keep the promise when it is published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from versiqiid.api.gathering import Gathering
from versiqiid.api.schema_report import IncompatibleSchema
from versiqiid.api.schemas import Schemas
from versiqiid.api.service import Service, Write
from versiqiid.core import keys as k
from versiqiid.core.compatibility import Level
from versiqiid.core.live import targets_of
from versiqiid.core.objects import Lifecycle, read_family, read_lifecycle
from versiqiid.core.promise import lifecycle_of, terms_of
from versiqiid.core.references import listed, prefixes, references_to
from versiqiid.core.snapshot import Snapshot
from versiqiid.errors import InvalidInput, Refused

_PROMISING = ("published", "deprecated")


class SchemaRules:
    """An inspection of transactions; see ``Service.inspections``."""

    def __init__(self, service: Service, schemas: Schemas) -> None:
        self._service = service
        self._schemas = schemas

    async def check(self, writes: Sequence[Write]) -> None:
        """Return when these writes may be sent, as far as schemas are concerned.

        :raises IncompatibleSchema: with the documents that show it.
        :raises Refused: a version that is still used would go, or a published one would become a draft.
        :raises InvalidInput: a life cycle that cannot be read. :raises UnusableSchema: a schema that cannot be judged.
        """
        overlay = {write.key: write.raw for write in writes if write.op != "check"}
        touched: dict[tuple[str, str], None] = {}
        for key in overlay:
            match k.parse(key):
                case k.SchemaKey(family, version) | k.LifecycleKey(family, version):
                    touched[family, version] = None
                case _:
                    continue
        for family, version in touched:
            await self._check(overlay, family, version)

    async def _check(self, overlay: Mapping[str, bytes | None], family: str, version: str) -> None:
        schema, life = f"schemas/{family}/{version}", f"lifecycle/{family}/{version}"
        before = await self._now(schema, life)
        after = _after(before, overlay)
        was = _life(before, life)
        will = _lifecycle(after, life) if life in overlay else was
        if life in overlay:
            self._check_step(schema, was if before[schema] is not None else None, will)
        removed = after[schema] is None and before[schema] is not None
        if removed or (will.state == "deleted" and was.state != "deleted"):
            await self._check_unused(overlay, family, version)
        begins = after[schema] != before[schema] or was.state not in _PROMISING
        if after[schema] is not None and will.state in _PROMISING and begins:
            await self._check_promise(overlay, family, version, after[schema] or b"")
        if will.successor is not None and life in overlay:
            await self._check_successor(overlay, family, version, will.successor)

    def _check_step(self, schema: str, was: Lifecycle | None, will: Lifecycle) -> None:
        """The steps that a life has: a draft is published or dropped, and what is published is never a draft again."""
        if was is None or was.state == will.state:
            return
        if will.state == "draft":
            raise Refused(
                f"{schema} is {was.state} and cannot become a draft: others may read it already",
                hint="Register a new version as a draft instead.",
            )
        if was.state == "draft" and will.state == "deprecated":
            raise Refused(f"{schema} is a draft; nobody relies on it yet", hint="Publish it first, or delete it.")

    async def _check_unused(self, overlay: Mapping[str, bytes | None], family: str, version: str) -> None:
        gathering = Gathering(self._service.store, self._service.root, overlay)
        await gathering.under(*prefixes(family))
        for target in sorted(targets_of(gathering.snapshot(), family)):
            await gathering.under(f"configs/{target}/{version}/")
        used_by = references_to(gathering.snapshot(), family, version)
        if used_by:
            raise Refused(
                f"schemas/{family}/{version} is still used by {listed(used_by)}",
                hint="Let them use another version first, or remove them.",
            )

    async def _check_promise(self, overlay: Mapping[str, bytes | None], family: str, version: str, raw: bytes) -> None:
        snapshot = await self._described(overlay, family)
        if snapshot is None:
            return
        terms = terms_of(snapshot.parsed(f"families/{family}", read_family))
        if terms.level is Level.NONE:
            return
        gathered = await self._schemas.gathered(family, overlay)
        report = await self._schemas.report(gathered, family, terms, (version, raw))
        if not report.compatible:
            raise IncompatibleSchema(report)

    async def _described(self, overlay: Mapping[str, bytes | None], family: str) -> Snapshot | None:
        """The family as it will be, or None: what is not there, or cannot be read, promises nothing."""
        gathering = Gathering(self._service.store, self._service.root, overlay)
        await gathering.get(f"families/{family}")
        snapshot = gathering.snapshot()
        try:
            if snapshot.get(f"families/{family}") is None:
                return None
            snapshot.parsed(f"families/{family}", read_family)
        except InvalidInput:
            return None
        return snapshot

    async def _check_successor(
        self, overlay: Mapping[str, bytes | None], family: str, version: str, successor: str
    ) -> None:
        gathering = Gathering(self._service.store, self._service.root, overlay)
        await gathering.get(f"schemas/{family}/{successor}", f"lifecycle/{family}/{successor}")
        snapshot = gathering.snapshot()
        there = snapshot.get(f"schemas/{family}/{successor}") is not None
        if successor == version or not there or lifecycle_of(snapshot, family, successor).state == "deleted":
            raise Refused(
                f"lifecycle/{family}/{version}: successor {successor!r} is no other version that is there",
                hint=f"Register it first, or name one of `versiqii schemas list --family {family}`.",
            )

    async def _now(self, *keys: str) -> dict[str, bytes | None]:
        gathering = Gathering(self._service.store, self._service.root)
        await gathering.get(*keys)
        snapshot = gathering.snapshot()
        return {key: value.raw if (value := snapshot.get(key)) else None for key in keys}


def _after(before: Mapping[str, bytes | None], overlay: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    return {key: overlay.get(key, value) for key, value in before.items()}


def _life(values: Mapping[str, bytes | None], key: str) -> Lifecycle:
    """Where it was; what cannot be read was published, as the daemon takes it."""
    try:
        return _lifecycle(values, key)
    except InvalidInput:
        return Lifecycle()


def _lifecycle(values: Mapping[str, bytes | None], key: str) -> Lifecycle:
    raw = values[key]
    if raw is None:
        return Lifecycle()
    try:
        return read_lifecycle(raw)
    except InvalidInput as error:
        raise InvalidInput(f"{key}: {error.message}", hint=error.hint) from error
