"""Steps 3 to 7 for one item of work: what is, what should be, and the change between them, or None."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from versiqiid.core import keys as k
from versiqiid.core.canonical import digest
from versiqiid.core.drift import drift_document
from versiqiid.core.impact import Item
from versiqiid.core.plan import State
from versiqiid.core.published import Published, record, record_key
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.core.status import STATUS_BYTES_MAX, STEPS_MAX, Cause, Finding, moved_to, position_of, render, same
from versiqiid.core.where import exists
from versiqiid.engine.changes import Change, Output
from versiqiid.engine.compute import Computer, Outcome
from versiqiid.engine.facts import DAEMON, stream_of
from versiqiid.engine.lastgood import LastGood
from versiqiid.engine.workqueue import Work
from versiqiid.ports import Draft, Observed

_STATUS_BYTES_PLAIN = 8_000
"""More than a status without violations takes: a reason of 1,000 characters, 64 steps of 100 bytes are told."""

_TYPES = {
    State.IN_SYNC: "EffectiveApplied",
    State.MIGRATED: "EffectiveApplied",
    State.REJECTED: "ConfigRejected",
    State.HELD: "EffectiveHeld",
}


class Decider:
    """Decides items against the newest snapshot. Nothing is written here.

    :param now: RFC 3339 text of the present time.
    """

    def __init__(self, computer: Computer, last_good: LastGood, now: Callable[[], str]) -> None:
        self._computer = computer
        self._last_good = last_good
        self._now = now

    async def decide(self, snapshot: Snapshot, work: Work[Item]) -> tuple[Change | None, Reads]:
        """The change this item needs, or None, and what the decision looked at.

        :raises Moved: an input changed meanwhile; ask again.
        """
        match work.item:
            case k.BindingId() as binding:
                if not exists(snapshot, binding):
                    return self._removal(snapshot, binding, work)
                outcome = await self._computer.outcome(snapshot, binding)
                return await self._binding(snapshot, outcome, work), outcome.reads
            case k.DriftKey() as place:
                return self._drift(snapshot, place, work)
            case Published() as item:
                return self._published(snapshot, item, work)

    async def _binding(self, snapshot: Snapshot, outcome: Outcome, work: Work[Item]) -> Change | None:
        binding, finding = outcome.binding, outcome.finding
        status, effective = k.status_key(binding), k.effective_key(binding)
        present, written = snapshot.get(effective), snapshot.get(status)
        wanted = outcome.effective
        if wanted is None:
            wanted = await self._last_good.document(binding)
            finding = replace(finding, effective_digest=digest(wanted) if wanted is not None else None)
        raw = present.raw if present else None
        if raw == wanted and written is not None and same(written.raw, finding):
            return self._repointed(snapshot, binding, work)
        now, cause = self._now(), work.cause
        keep = raw == wanted

        def outputs(position: int) -> tuple[Output, ...]:
            told = render(written.raw if written else None, finding, now=now, cause=cause, position=position)
            line = (Output(status, told, written.revision if written else 0),)
            return line if keep else (Output(effective, wanted, present.revision if present else 0), *line)

        guards = dict(outcome.reads.guards)
        if keep:
            guards[effective] = present.revision if present else 0
        foreign = not keep and (digest(raw) if raw is not None else None) != self._last_good.digest(binding)
        draft = self._settlement(
            outcome.binding, finding, cause, "ForeignWriteHealed" if foreign else _TYPES[finding.state]
        )
        draft = replace(draft, documents=(wanted,) if wanted is not None else ())
        healed = foreign and finding.effective_digest == self._last_good.digest(binding)
        further = (_migrated(draft, finding),) if finding.state is State.MIGRATED and not healed else ()
        size = (0 if keep else len(wanted or b"")) + (STATUS_BYTES_MAX if finding.violations else _STATUS_BYTES_PLAIN)
        return Change(work, guards, (status,) if keep else (effective, status), size, outputs, draft, further)

    def _repointed(self, snapshot: Snapshot, binding: k.BindingId, work: Work[Item]) -> Change | None:
        """A journal position that was foretold wrongly is put right; nothing happened, so nothing is recorded."""
        key = k.status_key(binding)
        written, position = snapshot.get(key), self._last_good.position(binding)
        if position is None or written is None or position_of(written.raw) == position:
            return None
        corrected = Output(key, moved_to(written.raw, position), written.revision)
        return Change(work, {}, (key,), len(written.raw) + 20, lambda _: (corrected,), None)

    def _settlement(self, binding: k.BindingId, finding: Finding, cause: Cause, kind: str) -> Draft:
        told = finding.as_json()
        data: dict[str, Any] = {
            "binding": str(binding),
            "environment": binding.environment,
            "target": binding.target,
            "name": binding.name,
            "previousDigest": self._last_good.digest(binding),
            **told,
            "steps": [step.recorded() for step in finding.steps[:STEPS_MAX]],
            **cause.trace,
        }
        observed = Observed(k.effective_key(binding), 0, finding.effective_digest or "")
        return Draft(
            kind, f"binding/{binding}", data, DAEMON, cause.correlation_id, cause.causation_id, observed=observed
        )

    def _removal(self, snapshot: Snapshot, binding: k.BindingId, work: Work[Item]) -> tuple[Change | None, Reads]:
        """What no binding explains is removed, guarded by the absence of what would explain it."""
        reads = Reads(snapshot)
        for place in k.lineage(binding.environment):
            reads.get(f"bindings/{place}/{binding.target}/{binding.name}")
            reads.get(k.version_key(place, binding.target))
        there = [(key, v) for key in (k.effective_key(binding), k.status_key(binding)) if (v := snapshot.get(key))]
        if not there:
            return None, reads
        outputs = tuple(Output(key, None, value.revision) for key, value in there)
        data = {
            "binding": str(binding),
            "environment": binding.environment,
            "target": binding.target,
            "name": binding.name,
            "previousDigest": self._last_good.digest(binding),
            **work.cause.trace,
        }
        gone = Observed(k.effective_key(binding), 0, None) if self._last_good.position(binding) is not None else None
        draft = Draft(
            "EffectiveRemoved",
            f"binding/{binding}",
            data,
            DAEMON,
            work.cause.correlation_id,
            work.cause.causation_id,
            observed=gone,
        )
        return Change(work, dict(reads.guards), tuple(key for key, _ in there), 0, lambda _: outputs, draft), reads

    def _drift(self, snapshot: Snapshot, place: k.DriftKey, work: Work[Item]) -> tuple[Change | None, Reads]:
        reads = Reads(snapshot)
        key = k.drift_key(place.environment, place.target)
        present = snapshot.get(key)
        wanted = drift_document(reads, place, present.raw if present else None, self._now())
        if (present.raw if present else None) == wanted:
            return None, reads
        output = Output(key, wanted, present.revision if present else 0)
        draft = Draft(
            "DriftDetected" if wanted else "DriftResolved",
            f"drift/{place.environment}/{place.target}",
            {"environment": place.environment, "target": place.target, "digest": digest(wanted) if wanted else None},
            DAEMON,
            work.cause.correlation_id,
            work.cause.causation_id,
            documents=(wanted,) if wanted else (),
        )
        # No guards: a drift is about more keys than a transaction can look at, and what moves one of them asks again.
        return Change(work, {}, (key,), len(wanted or b""), lambda _: (output,), draft), reads

    def _published(self, snapshot: Snapshot, item: Published, work: Work[Item]) -> tuple[Change | None, Reads]:
        """What an immutable key holds is recorded once; its registration is a fact of its own already."""
        reads = Reads(snapshot)
        wanted = record(reads, item)
        if wanted is None:
            return None, reads
        key = record_key(item)
        guards = {item.key: reads.guards[item.key]}
        return Change(work, guards, (key,), len(wanted), lambda _: (Output(key, wanted, 0),), None), reads


_MIGRATED = ("binding", "environment", "target", "name", "targetVersion", "source", "steps", "effectiveDigest",
             "previousDigest", "traceparent")  # fmt: skip


def _migrated(settled: Draft, finding: Finding) -> Draft:
    """Told of the config: for which binding it was migrated, from where to where, how, and what came of it."""
    config = finding.source_key or ""
    source = k.parse(config)
    told = {name: settled.data[name] for name in _MIGRATED if name in settled.data}
    told |= {"config": config, "to": finding.schema_version}
    told |= {"from": source.schema_version} if isinstance(source, k.ConfigKey) else {}
    return Draft("ConfigMigrated", stream_of(config), told, DAEMON, settled.correlation_id, follows=True)
