"""What happens to a config: steps 1, 2, 4 and 5 of the rule in the key layout, as a decision.

``resolve`` says which schema the running version needs, ``choose`` says which document is carried there and how. What
lies between and after them (is the schema usable, do the migrations run, does the result fit) takes time and runs in
``engine/compute.py``. Every key looked at is remembered in ``Reads``: these are the guards of the write.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from versiqiid.core import keys as k
from versiqiid.core.dependencies import breaches
from versiqiid.core.document import read
from versiqiid.core.migration import Edge, Path, Routes, is_ordered_version, routes_to
from versiqiid.core.objects import Family, Override, Target, read_binding, read_family, read_override, read_target
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.core.versions import Scheme, Version, parse
from versiqiid.errors import InvalidInput, InvalidVersion

T = TypeVar("T")


class State(StrEnum):
    """How a binding stands. The words are part of the outer contract."""

    IN_SYNC = "InSync"
    MIGRATED = "Migrated"
    REJECTED = "Rejected"
    HELD = "Held"


class Stopped(Exception):
    """The step that ends the matter: Held or Rejected, with the reason that people read.

    :param violations: tuple of ``Violation`` when a document did not fit.
    """

    def __init__(self, state: State, reason: str, violations: tuple[object, ...] = ()) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason
        self.violations = violations


def held(reason: str) -> Stopped:
    return Stopped(State.HELD, reason)


def rejected(reason: str, violations: tuple[object, ...] = ()) -> Stopped:
    return Stopped(State.REJECTED, reason, violations)


@dataclass(slots=True)
class Case:
    """One binding on its way through the rule: what is known so far, for its status, however it ends."""

    binding: k.BindingId
    reads: Reads
    config: str = ""
    target_version: str | None = None
    target: Target | None = None
    family: Family | None = None
    schema_version: str | None = None
    source_key: str | None = None
    path: Path | None = None


def open_case(snapshot: Snapshot, binding: k.BindingId) -> Case:
    return Case(binding, Reads(snapshot), config=binding.name)


def resolve(case: Case) -> None:
    """Steps 1, 2 and 4: fills in the config name, the running version, and the schema version it needs.

    :raises Stopped: Held, with the reason; what was learned until then stands in the case.
    """
    _read_binding(case)
    version_text = _read_version(case)
    target = _read_object(case, f"targets/{case.binding.target}", read_target, "target")
    case.target = target
    version = _parse_version(case, target, version_text)
    override = _read_override(case, version_text)
    case.schema_version = _needed_schema(case, target, override, version)
    family = _read_object(case, f"families/{target.family}", read_family, "family")
    case.family = family
    schema_key = case_schema_key(case, case.schema_version)
    if case.reads.get(schema_key) is None:
        raise held(f"{schema_key} is missing; {case.binding.target} {version_text} reads that schema version")
    if target.blocks:
        broken = breaches(case.reads, case.binding, target, override)
        if broken:
            raise held("dependency: " + "; ".join(str(breach) for breach in broken))


def choose(case: Case) -> None:
    """Step 5: fills in the source key and the path from it to the needed schema version.

    :raises Stopped: Held when there is no such config anywhere, Rejected when there is one but no way.
    """
    reads, target, wanted = case.reads, case.binding.target, case.schema_version
    family = case.target.family if case.target else ""
    if case.family is None or wanted is None:
        msg = "choose() comes after resolve()"
        raise ValueError(msg)
    exact = f"configs/{target}/{wanted}/{case.config}"
    if reads.get(exact) is not None:
        case.source_key, case.path = exact, Path(wanted, ())
        return
    snapshot, scheme = reads.snapshot, case.family.versioning
    reads.listing(f"configs/{target}/*/{case.config}")
    sources = sorted(v for v in snapshot.config_versions[target, case.config] if is_ordered_version(scheme, v))
    if not sources:
        raise held(f"no config {case.config!r} of {target} exists under any schema version of family {family}")
    reads.listing(f"migrations/{family}/")
    reads.listing(f"schemas/{family}/")
    routes = snapshot.kept(family, f"{scheme.value} {wanted}", lambda: _routes(snapshot, family, scheme, wanted))
    case.path = routes.best(sources)
    if case.path is None:
        listed = ", ".join(sources[:5]) + (", …" if len(sources) > 5 else "")  # noqa: PLR2004 - enough to see why
        start = f"config {case.config!r} of schema {listed}"
        raise rejected(f"no migration path in family {family} leads to schema {wanted} from {start}")
    case.source_key = f"configs/{target}/{case.path.source}/{case.config}"
    reads.get(case.source_key)


def case_schema_key(case: Case, version: str) -> str:
    return f"schemas/{case.target.family if case.target else ''}/{version}"


def _read_binding(case: Case) -> None:
    binding = case.binding
    found = case.reads.nearest(f"bindings/{e}/{binding.target}/{binding.name}" for e in k.lineage(binding.environment))
    if found is None:
        raise held("no binding applies here")
    value = _parsed(case, found[0], read_binding)
    if value.hold:
        raise held("held by its binding")
    case.config = value.config or binding.name


def _read_version(case: Case) -> str:
    binding = case.binding
    found = case.reads.nearest(k.version_key(e, binding.target) for e in k.lineage(binding.environment))
    if found is None:
        raise held(f"no version of {binding.target} is set at or above {binding.environment}")
    try:
        text = found[1].raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise held(f"{found[0]} is not UTF-8 text") from None
    if not text:
        raise held(f"{found[0]} is blank: no running version is known")
    if len(text) > k.SEGMENT_CHARACTERS_MAX:
        raise held(f"{found[0]} holds {len(text)} characters, which is no version")
    case.target_version = text
    return text


def _parse_version(case: Case, target: Target, text: str) -> Version:
    try:
        return parse(target.versioning, text)
    except InvalidVersion as error:
        raise held(f"running version of {case.binding.target}: {error.message}") from error


def _read_override(case: Case, version_text: str) -> Override:
    if not k.is_segment(version_text):
        return Override()
    key = f"targets/{case.binding.target}/{version_text}"
    if case.reads.get(key) is None:
        return Override()
    return _parsed(case, key, read_override)


def _needed_schema(case: Case, target: Target, override: Override, version: Version) -> str:
    if override.schema is not None:
        return override.schema
    matching = sorted({schema for versions, schema in target.schemas if versions.contains(version)})
    if len(matching) == 1:
        return matching[0]
    name = f"targets/{case.binding.target}"
    if not matching:
        raise held(f"{name}: no range names a schema for version {version.text}")
    raise held(f"{name}: ranges that match version {version.text} name different schemas: {', '.join(matching)}")


def _read_object(case: Case, key: str, reader: Callable[[bytes], T], what: str) -> T:
    if case.reads.get(key) is None:
        raise held(f"{what} {key} is missing")
    return _parsed(case, key, reader)


def _parsed(case: Case, key: str, reader: Callable[[bytes], T]) -> T:
    try:
        return case.reads.snapshot.parsed(key, reader)
    except InvalidInput as error:
        raise held(f"{key} is unreadable: {error.message}") from error


def _routes(snapshot: Snapshot, family: str, scheme: Scheme, wanted: str) -> Routes:
    edges = {pair: Edge(lossy=_is_lossy(snapshot, family, pair)) for pair in snapshot.migrations[family]}
    return routes_to(scheme, order=sorted(snapshot.schema_versions[family]), edges=edges, wanted=wanted)


def _is_lossy(snapshot: Snapshot, family: str, pair: tuple[str, str]) -> bool:
    """Whether the manifest claims a loss; one that cannot be read claims nothing and stays an edge."""
    try:
        return snapshot.parsed(f"migrations/{family}/{pair[0]}/{pair[1]}", _claims_loss)
    except InvalidInput:
        return False


def _claims_loss(raw: bytes) -> bool:
    value = read(raw)
    lossy = value.get("lossy") if isinstance(value, dict) else None
    return isinstance(lossy, list) and len(lossy) > 0
