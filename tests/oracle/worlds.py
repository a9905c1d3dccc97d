"""Random worlds and random edits, made to collide: few names, deep environments, every kind of bad key.

An edit is one transaction of people: key → new value, or None to delete. Good values are more frequent than bad ones,
so that about half of what exists is in order and the rest is refused for every reason there is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.oracle import pools
from tests.oracle.forms import SEGMENT
from tests.oracle.guests import GUESTS

Edit = dict[str, bytes | None]
Keys = st.SearchStrategy[tuple[str, bytes]]

ENVS = ("a", "a/b", "a/b/c", "a/b/c/d", "a/c", "b", "b/t", "b/t/n", "a/b/version")
TARGETS = ("t", "t", "t", "u")
NAMES = ("n", "n", "m")
FAMILIES = ("f", "f", "f", "g")


@dataclass(frozen=True, slots=True)
class Line:
    """Which schemes a world mostly uses.

    :ivar target: the scheme of the running versions.
    :ivar family: the scheme of the schema versions.
    """

    target: str = "semver"
    family: str = "semver"


def raw(value: Any) -> bytes:
    return (
        value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()
    )


def pick(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def mostly(good: st.SearchStrategy[Any], bad: st.SearchStrategy[Any], odds: int = 6) -> st.SearchStrategy[Any]:
    """Good all but one time in ``odds``."""
    return pick(*(good,) * (odds - 1), bad).flatmap(lambda one: one)


def at(room: str, *parts: st.SearchStrategy[str], value: st.SearchStrategy[Any]) -> Keys:
    """Keys ``<room>/<part>/…`` with such values."""
    return st.tuples(st.tuples(*parts), value).map(lambda drawn: ("/".join((room, *drawn[0])), raw(drawn[1])))


# ------------------------------------------------------------------------------------------------- single keys


def schema_versions(line: Line) -> st.SearchStrategy[str]:
    return mostly(pick(*pools.SCHEMA_VERSIONS[line.family]), pick(*pools.ODD_SCHEMA_VERSIONS), 12)


def families(line: Line) -> Keys:
    return at("families", pick(*FAMILIES), value=mostly(st.just(family_document(line)), pick(*pools.BAD_FAMILIES), 4))


def family_document(line: Line) -> dict[str, str]:
    return {"language": "json-schema"} | ({} if line.family == "semver" else {"versioning": line.family})


def schemas(line: Line) -> Keys:
    value = mostly(pick(*pools.SCHEMAS), pick(*pools.BAD_SCHEMAS), 10)
    return at("schemas", pick(*FAMILIES), schema_versions(line), value=value)


def target_documents(line: Line) -> st.SearchStrategy[Any]:
    ranges = mostly(pick(*pools.RANGES[line.target]), pick(*pools.BAD_RANGES), 25)
    tables = st.dictionaries(ranges, schema_versions(line), max_size=3)
    parts: dict[str, Any] = {"family": pick(*FAMILIES), "schemas": tables}
    if line.target != "semver":
        parts["versioning"] = st.just(line.target)
    others = mostly(pick(*pools.RANGES[line.target]), pick(*pools.BAD_RANGES), 25)
    depends = st.dictionaries(pick("t", "u", "w"), others, max_size=2)
    optional = {"requires": depends, "accepts": depends, "onDependencyConflict": pick("block", "report", "block")}
    return mostly(st.fixed_dictionaries(parts), st.fixed_dictionaries(parts, optional=optional), 3)


def targets(line: Line) -> Keys:
    return at("targets", pick(*TARGETS), value=mostly(target_documents(line), pick(*pools.BAD_DOCUMENTS), 10))


def overrides(line: Line) -> Keys:
    others = mostly(pick(*pools.RANGES[line.target]), pick(*pools.BAD_RANGES), 25)
    depends = st.dictionaries(pick("t", "u"), others, max_size=1)
    good = st.fixed_dictionaries({"schema": schema_versions(line)}, optional={"requires": depends, "accepts": depends})
    value = mostly(good, st.one_of(pick(*pools.BAD_DOCUMENTS), st.fixed_dictionaries({"requires": depends})))
    versions = [text for text in pools.RUNNING[line.target] if SEGMENT.fullmatch(text)]
    return at("targets", pick(*TARGETS), pick(*versions), value=value)


def running(line: Line) -> Keys:
    value = mostly(pick(*pools.RUNNING[line.target]), pick(*pools.ODD_RUNNING), 14)
    return at("envs", pick(*ENVS), pick(*TARGETS), st.just("version"), value=value)


def bindings(_line: Line) -> Keys:
    value = mostly(pick(b"", b"", b" \n", {}, {"config": "n"}, {"config": "m"}), pick(*pools.ODD_BINDINGS), 9)
    return at("bindings", pick(*ENVS), pick(*TARGETS), pick(*NAMES), value=value)


def configs(line: Line) -> Keys:
    value = mostly(pick(*pools.DOCUMENTS), pick(*pools.UNREADABLE), 10)
    return at("configs", pick(*TARGETS), schema_versions(line), pick(*NAMES), value=value)


def good_steps() -> st.SearchStrategy[Any]:
    lossy: st.SearchStrategy[Any] = st.one_of(
        st.just({}), st.just({}), pick({"lossy": ["/a"]}, {"lossy": []}, {"lossy": ["/a", ""]})
    )
    steps = st.one_of(st.just(pools.PATCHES[0]), pick(*pools.PATCHES), pick(*pools.LENSES), guests())
    return st.builds(lambda step, more: step | more, steps, lossy)


def migrations(line: Line) -> Keys:
    value = mostly(good_steps(), pick(*pools.BAD_MIGRATIONS), 8)
    return at("migrations", pick(*FAMILIES), schema_versions(line), schema_versions(line), value=value)


def guests() -> st.SearchStrategy[Any]:
    quick = tuple(guest for guest in GUESTS if not guest.slow)
    usual = quick[:4] * 4 + quick[4:]  # the first ones give documents
    entry = mostly(st.just({}), pick({"entry": "vq_up"}, {"entry": "vq_down"}), 3)
    manifest = pick(*usual).map(lambda guest: {"runtime": "wasm", "module": f"sha256:{guest.hex}"})
    return st.builds(lambda one, more: one | more, manifest, entry)


def modules(_line: Line) -> Keys:
    """Mostly the right bytes; now and then those of another module."""
    pairs = st.tuples(pick(*GUESTS), pick(0, 0, 0, 1), pick(*GUESTS))
    return pairs.map(lambda drawn: (f"modules/{drawn[0].hex}", (drawn[2] if drawn[1] else drawn[0]).wasm))


def lifecycles(line: Line) -> Keys:
    """They change nothing in the rule."""
    value = pick(*({"state": state} for state in ("draft", "published", "deprecated", "deleted")), b"{")
    return at("lifecycle", pick(*FAMILIES), schema_versions(line), value=value)


def strangers(_line: Line) -> Keys:
    """Keys that have the letters of the grammar but not its shape, and foreign writes where the daemon's word wins."""
    odd = pick(*pools.ODD_KEYS).map(lambda key: (key, b"1"))
    foreign = at(
        "effective", pick(*ENVS), pick(*TARGETS), pick(*NAMES), value=pick(*pools.DOCUMENTS, *pools.UNREADABLE)
    )
    status = at("status", pick(*ENVS), pick(*TARGETS), pick(*NAMES), value=pick(b"", b"{}", b"x", {"state": "InSync"}))
    return st.one_of(odd, foreign, foreign, status)


ROOMS = (
    *(running,) * 6,
    *(bindings,) * 4,
    *(configs,) * 4,
    *(migrations,) * 4,
    *(strangers,) * 3,
    *(overrides,) * 2,
    targets,
    schemas,
    families,
    modules,
    lifecycles,
)


# ---------------------------------------------------------------------------------------------- worlds and edits

ALL_MODULES: Edit = {f"modules/{guest.hex}": guest.wasm for guest in GUESTS}


def lines() -> st.SearchStrategy[Line]:
    schemes = pick("semver", "semver", "semver", "pep440", "date", "sequence", "git-sha")
    return st.builds(Line, schemes, schemes)


def key_values(line: Line) -> Keys:
    return pick(*ROOMS).flatmap(lambda room: room(line))


@st.composite
def worlds(draw: st.DrawFn, line: Line) -> Edit:
    """A first transaction in which most things work: whole families, targets that know every version, many steps.

    All modules are there beforehand, so that a history stays short to read.
    """
    world: Edit = {}
    versions = pools.SCHEMA_VERSIONS[line.family]
    any_version = pick(*versions)
    for family in ("f", "g"):
        world[f"families/{family}"] = raw(family_document(line))
        for version in versions:
            world[f"schemas/{family}/{version}"] = raw(draw(pick(*pools.SCHEMAS)))
    for target in ("t", "u"):
        ranges = draw(pick(*pools.SOUND_RANGES[line.target]))
        document = {"family": "f" if target == "t" else "g", "schemas": {one: draw(any_version) for one in ranges}}
        if line.target != "semver":
            document["versioning"] = line.target
        world[f"targets/{target}"] = raw(document)
    pairs = st.tuples(any_version, any_version)
    for start, end in some(draw, pairs, 8, 20):
        world[f"migrations/f/{start}/{end}"] = raw(draw(good_steps()))
    sound = {
        "envs/a/t/version": running,
        "envs/a/b/u/version": running,
        "bindings/a/t/n": bindings,
        "bindings/a/u/m": bindings,
    }
    world |= {key: draw(room(line))[1] for key, room in sound.items()}
    for target, name in (("t", "n"), ("t", "m"), ("u", "n"), ("u", "m")):
        world[f"configs/{target}/{draw(any_version)}/{name}"] = raw(draw(pick(*pools.DOCUMENTS)))
    for room, number in ((configs, 6), (bindings, 5), (running, 6), (migrations, 6)):
        world.update(some(draw, room(line), number // 2, number))
    return world


def some(draw: st.DrawFn, what: st.SearchStrategy[Any], least: int, most: int) -> list[Any]:
    """A list whose length is drawn first: every length is as likely, where lists by themselves come out short."""
    number = draw(pick(*range(least, most + 1)))
    return draw(st.lists(what, min_size=number, max_size=number))


def edits(line: Line, world: Edit) -> st.SearchStrategy[Edit]:
    """One to three keys in one transaction: something new, something gone, or something as it was at first."""
    fresh = key_values(line)
    keys = tuple(world) or ("policies/free",)
    gone = st.one_of(fresh.map(lambda pair: pair[0]), pick(*keys, *ALL_MODULES)).map(lambda key: (key, None))
    again = pick(*world.items(), *ALL_MODULES.items())
    change = pick(fresh, fresh, fresh, gone, again).flatmap(lambda one: one)
    return st.lists(change, min_size=1, max_size=3).map(dict)


@st.composite
def histories(draw: st.DrawFn, most: int = 20) -> list[Edit]:
    line = draw(lines())
    world = draw(worlds(line))
    return [world, *some(draw, edits(line, world), 0, most)]
