"""Steps 1 to 8 of "How one effective config is computed", over the whole tree and from the text alone.

Every function looks at the plain table of keys. Nothing is remembered between two calls; what stays from before is the
business of ``history``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.oracle import forms, judge, reading, steps, versions
from tests.oracle.forms import SEGMENT
from tests.oracle.guests import Fails
from tests.oracle.judge import Unusable
from tests.oracle.path import best_path
from tests.oracle.reading import Unreadable

Tree = dict[str, bytes]
HELD, REJECTED, IN_SYNC, MIGRATED = "Held", "Rejected", "InSync", "Migrated"


@dataclass(frozen=True, slots=True)
class Place:
    """One environment, one target, one binding name."""

    env: str
    target: str
    name: str

    def __str__(self) -> str:
        return f"{self.env}/{self.target}/{self.name}"


@dataclass(frozen=True, slots=True)
class Expected:
    """What must stand under ``status/`` and ``effective/``.

    :ivar effective: None = the last good one stays, or there is still none.
    :ivar pointers: None where the text does not say which.
    """

    state: str
    why: str = ""
    version: str | None = None
    schema: str | None = None
    source: str | None = None
    steps: tuple[tuple[str, str], ...] = ()
    effective: bytes | None = None
    pointers: frozenset[str] | None = None


class Ends(Exception):
    """A step that ends the matter."""

    def __init__(self, state: str, why: str, pointers: set[str] | None = None) -> None:
        super().__init__(why)
        self.state = state
        self.why = why
        self.pointers = pointers


def in_grammar(key: str) -> bool:
    return len(key) <= 500 and all(SEGMENT.fullmatch(part) for part in key.split("/"))


def upwards(env: str) -> Iterator[str]:
    """The environment itself, then its ancestors, nearest first."""
    parts = env.split("/")
    for length in range(len(parts), 0, -1):
        yield "/".join(parts[:length])


def nearest(tree: Tree, room: str, env: str, rest: str) -> str | None:
    """The nearest key ``<room>/<env or ancestor>/<rest>`` that exists."""
    return next((key for one in upwards(env) if (key := f"{room}/{one}/{rest}") in tree), None)


def compute(desired: Tree, effective: Tree) -> dict[str, Expected]:
    """Every place that exists, and what must be there.

    :param desired: all desired keys, relative to the root; keys outside the grammar change nothing.
    :param effective: what is under ``effective/`` now, relative to it.
    """
    tree = {key: value for key, value in desired.items() if in_grammar(key)}
    return {str(place): decide(tree, place) for place in places(tree, effective)}


# ------------------------------------------------------------------------------------------------ step 3: where


def places(tree: Tree, effective: Tree) -> set[Place]:
    bindings, running = set(), set()
    for key in tree:
        parts = key.split("/")
        if parts[0] == "bindings" and len(parts) >= 4:
            bindings.add(Place("/".join(parts[1:-2]), parts[-2], parts[-1]))
        if parts[0] == "envs" and len(parts) >= 4 and parts[-1] == "version":
            running.add(("/".join(parts[1:-2]), parts[-2]))
    found = set()
    for bound in bindings:
        below = {env for env, target in running if target == bound.target and env.startswith(bound.env + "/")}
        above = any((env, bound.target) in running for env in upwards(bound.env))
        found |= {Place(env, bound.target, bound.name) for env in below}
        if above or not below:
            found.add(bound)
    for key in effective:
        parts = key.split("/")
        if len(parts) < 3 or not in_grammar(key):
            continue
        place = Place("/".join(parts[:-2]), parts[-2], parts[-1])
        if nearest(tree, "bindings", place.env, f"{place.target}/{place.name}"):
            found.add(place)
    return found


# ---------------------------------------------------------------------------------------------- the other steps


def decide(tree: Tree, place: Place) -> Expected:
    known: dict[str, Any] = {}
    try:
        result = settle(tree, place, known)
    except Ends as end:
        pointers = None if end.pointers is None else frozenset(end.pointers)
        return Expected(end.state, end.why, pointers=pointers, **known)
    state = MIGRATED if known["steps"] else IN_SYNC
    return Expected(state, effective=result, pointers=frozenset(), **known)


def settle(tree: Tree, place: Place, known: dict[str, Any]) -> bytes:
    """The effective bytes; ``known`` collects what status says on the way."""
    config = bound_config(tree, place)
    version = running_version(tree, place)
    known["version"] = version
    family, scheme, formats, schema_version = needed_schema(tree, place, version)
    known["schema"] = schema_version
    source, path = find_source(tree, (place.target, config), (family, scheme), schema_version)
    known["source"] = f"configs/{place.target}/{source}/{config}"
    known["steps"] = tuple(path)
    return run(tree, known["source"], (family, scheme, formats), source, path)


def bound_config(tree: Tree, place: Place) -> str:
    key = nearest(tree, "bindings", place.env, f"{place.target}/{place.name}")
    assert key is not None
    try:
        binding = forms.binding(tree[key])
    except Unreadable as error:
        raise Ends(HELD, f"{key} unreadable: {error}") from error
    if binding.get("hold"):
        raise Ends(HELD, "held by its binding")
    config: str = binding.get("config", place.name)
    return config


def running_version(tree: Tree, place: Place) -> str:
    key = nearest(tree, "envs", place.env, f"{place.target}/version")
    if key is None:
        raise Ends(HELD, "no version")
    version = version_text(tree[key])
    try:
        scheme = forms.target(tree[f"targets/{place.target}"]).get("versioning", "semver")
    except (KeyError, Unreadable) as error:
        raise Ends(HELD, f"target: {error}") from error
    if version is None or versions.parse(scheme, version) is None:
        raise Ends(HELD, "no version of the scheme")
    return version


def version_text(raw: bytes) -> str | None:
    try:
        return raw.decode().strip() or None
    except UnicodeDecodeError:
        return None


def needed_schema(tree: Tree, place: Place, version: str) -> tuple[str, str, bool, str]:
    """Family, its scheme, whether formats are asserted, and the needed schema version."""
    target = read_target(tree, place.target)
    override = read_override(tree, place.target, version)
    if override is not None and "schema" in override:
        wanted = {override["schema"]}
    else:
        scheme = target.get("versioning", "semver")
        wanted = {name for text, name in target.get("schemas", {}).items() if versions.inside(scheme, text, version)}
    if len(wanted) != 1:
        raise Ends(HELD, f"ranges name {len(wanted)} schemas")
    (schema_version,) = wanted
    key = f"families/{target['family']}"
    try:
        family = forms.family(tree[key])
    except (KeyError, Unreadable) as error:
        raise Ends(HELD, f"family: {error}") from error
    if family["language"] != "json-schema":
        raise Ends(HELD, "language not supported")
    schema_of(tree, target["family"], schema_version)
    if target.get("onDependencyConflict") == "block" and conflict(tree, place, target, override):
        raise Ends(HELD, "dependency conflict")
    scheme = family.get("versioning", "semver")
    return target["family"], scheme, family.get("formats") == "assert", schema_version


def read_target(tree: Tree, name: str) -> dict[str, Any]:
    """The target, when it is there, readable, and every range in it is one."""
    try:
        target = forms.target(tree[f"targets/{name}"])
        for text in target.get("schemas", {}):
            versions.inside(target.get("versioning", "semver"), text, "")
    except (KeyError, Unreadable, versions.BadRange) as error:
        raise Ends(HELD, f"target: {error}") from error
    return target


def read_override(tree: Tree, name: str, version: str) -> dict[str, Any] | None:
    key = f"targets/{name}/{version}"
    if key not in tree:
        return None
    try:
        return forms.override(tree[key])
    except Unreadable as error:
        raise Ends(HELD, f"{key}: {error}") from error


def schema_of(tree: Tree, family: str, version: str) -> Any:
    key = f"schemas/{family}/{version}"
    try:
        return judge.usable(tree[key])
    except (KeyError, Unusable) as error:
        raise Ends(HELD, f"{key}: {error}") from error


def conflict(tree: Tree, place: Place, target: dict[str, Any], override: dict[str, Any] | None) -> bool:
    """Whether this version's ``requires`` or ``accepts`` is violated where it runs."""
    for field in ("requires", "accepts"):
        for other, text in {**target, **(override or {})}.get(field, {}).items():
            key = nearest(tree, "envs", place.env, f"{other}/version")
            version = version_text(tree[key]) if key else None
            if version is None:
                if field == "requires":
                    return True
                continue
            try:
                scheme = forms.target(tree[f"targets/{other}"]).get("versioning", "semver")
            except KeyError:
                scheme = "semver"
            except Unreadable:
                return True  # nobody can say which versions are meant
            written = text if scheme == "pep440" else text.replace(",", " ")
            if not forms.is_range(scheme, text) or not versions.inside(scheme, written, version):
                return True
    return False


def find_source(
    tree: Tree, config: tuple[str, str], line: tuple[str, str], wanted: str
) -> tuple[str, list[tuple[str, str]]]:
    """The version that the source is written for, and the steps from there."""
    target, name = config
    if f"configs/{target}/{wanted}/{name}" in tree:
        return wanted, []
    family, scheme = line
    sources = set()
    for key in tree:
        parts = key.split("/")
        if parts[0] == "configs" and len(parts) == 4 and (parts[1], parts[3]) == config:
            sources.add(parts[2])
    sources = {version for version in sources if versions.parse(scheme, version) is not None}
    if not sources:
        raise Ends(HELD, "no config")
    edges = {}
    for key in tree:
        parts = key.split("/")
        if parts[0] == "migrations" and len(parts) == 4 and parts[1] == family and parts[2] != parts[3]:
            edges[parts[2], parts[3]] = forms.lossy(tree[key])
    existing = {key.split("/")[2] for key in tree if key.startswith(f"schemas/{family}/") and key.count("/") == 2}
    found = best_path(scheme, edges, existing, sources, wanted)
    if found is None:
        raise Ends(REJECTED, "no path")
    return found[0], list(pairwise(found))


def run(tree: Tree, source: str, line: tuple[str, str, bool], start: str, path: list[tuple[str, str]]) -> bytes:
    family, scheme, formats = line
    own = schema_of(tree, family, start)
    try:
        document = reading.read(tree[source])
    except Unreadable as error:
        raise Ends(REJECTED, f"{source}: {error}") from error
    fits(own, document, source, formats=formats)
    for step in path:
        try:
            document = steps.run(tree, scheme, family, step, document)
        except steps.Missing as error:
            raise Ends(HELD, str(error)) from error
        except Fails as error:
            raise Ends(REJECTED, f"step {step}: {error}") from error
        if f"schemas/{family}/{step[1]}" in tree:
            fits(schema_of(tree, family, step[1]), document, step[1], formats=formats)
    return reading.canonical(document)


def fits(schema: Any, document: Any, what: str, *, formats: bool) -> None:
    pointers = judge.violations(schema, document, formats=formats)
    if pointers:
        raise Ends(REJECTED, f"{what} does not fit", pointers)
