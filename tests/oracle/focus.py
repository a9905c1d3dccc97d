"""Histories that press one sentence of the rule at a time, many bindings at once: places, ranges, paths, bytes.

The mixed worlds of ``worlds`` reach every sentence, but seldom two of its hard cases together. Here everything else is
in order, so that each binding of each edit is a case of that one sentence.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.oracle import pools
from tests.oracle.guests import GUESTS
from tests.oracle.worlds import Edit, good_steps, guests, mostly, pick, raw, some

NUMBER = 12
DEEP = ("a", "a/b", "a/b/c", "a/b/c/d", "a/b/e", "a/f", "g", "g/t", "g/t/n")


@st.composite
def places(draw: st.DrawFn) -> list[Edit]:
    """Step 3 and what stays: bindings, versions and effective keys come and go along two branches."""
    one = {"families/f": {"language": "json-schema"}, "schemas/f/1": True, "schemas/f/2": {"required": ["b"]}}
    one |= {f"targets/{name}": {"family": "f", "schemas": {"1.x": "1", "2.x": "2"}} for name in ("t", "n")}
    one |= {f"configs/{name}/1/n": {"a": name} for name in ("t", "n")} | {"configs/t/1/m": {"a": "m"}}
    bound = st.tuples(
        st.builds("bindings/{}/{}/{}".format, pick(*DEEP), pick("t", "t", "n"), pick("n", "n", "m")),
        pick(b"", b"", None, None, b'{"hold":true}', b'{"config":"m"}', b"{"),
    )
    version = st.tuples(
        st.builds("envs/{}/{}/version".format, pick(*DEEP), pick("t", "t", "n")),
        pick(b"1.0.0", b"1.0.0", None, None, b"2.0.0", b"", b"x"),
    )
    room = pick("effective", "effective", "status")
    foreign = st.tuples(
        st.builds("{}/{}/{}/{}".format, room, pick(*DEEP), pick("t", "n"), pick("n", "m")),
        pick(b'{"z":1}', b"rubbish", None, b""),
    )
    changes = st.lists(pick(bound, version, bound, version, foreign).flatmap(lambda it: it), min_size=1, max_size=4)
    return [{key: raw(value) for key, value in one.items()}, *some(draw, changes.map(dict), 5, 30)]


@st.composite
def ranges(draw: st.DrawFn) -> list[Edit]:
    """Step 4: one target per case, each with its own table of ranges and its own version."""
    scheme = draw(pick("semver", "semver", *pools.RANGES))
    schemas = ("1.0.0", "2.0.0", "3.0.0")
    one: Edit = {"families/f": raw({"language": "json-schema"})}
    one |= {f"schemas/f/{name}": b"{}" for name in schemas}
    for number in range(NUMBER):
        one[f"bindings/e/t{number}/n"] = b""
        one |= {f"configs/t{number}/{name}/n": raw({"for": name}) for name in schemas}
    table = st.dictionaries(generated_ranges(scheme), pick(*schemas), min_size=1, max_size=3)
    target = st.builds(lambda found: {"family": "f", "versioning": scheme, "schemas": found}, table)
    running = st.one_of(pick(*pools.RUNNING[scheme]), generated_versions(scheme))

    def edit() -> Edit:
        keys: Edit = {}
        for number in range(NUMBER):
            keys[f"targets/t{number}"] = raw(draw(target))
            keys[f"envs/e/t{number}/version"] = raw(draw(running))
        return keys

    return [one | edit(), *(edit() for _ in range(draw(pick(*range(4)))))]


def generated_versions(scheme: str) -> st.SearchStrategy[str]:
    if scheme != "semver":
        return pick(*pools.RUNNING[scheme])
    small = pick(0, 1, 2, 10)
    return st.builds(
        "{}.{}.{}{}".format, small, small, small, pick("", "", "-rc.1", "-0", "-rc.1.x", "-10", "-9", "+b")
    )


@st.composite
def generated_ranges(draw: st.DrawFn, scheme: str) -> str:
    """Of semver: every sign before every partial version, in twos, hyphens and alternatives."""
    if scheme != "semver" or draw(pick(0, 0, 1)):
        return str(draw(pick(*pools.RANGES[scheme], *pools.RANGES[scheme], *pools.BAD_RANGES)))
    number, wild = pick("0", "1", "2", "10"), pick("0", "1", "2", "x", "X", "*")

    def partial() -> str:
        shape = draw(pick("{}.{}.{}", "{}.{}.{}", "{}", "{}.{w}", "{}.x.x", "{}.{}.x", "{}.{}.{w}", "*", "x"))
        found = shape.format(*(draw(number) for _ in range(3)), w=draw(wild))
        return found + draw(pick("", "", "", "-rc.1", "-0", "+b")) if shape == "{}.{}.{}" else str(found)

    def word() -> str:
        return draw(pick("", "^", "~", ">=", ">", "<", "<=", "=")) + draw(pick("", "", " ")) + partial()

    def both() -> str:
        match draw(pick("one", "one", "two", "hyphen")):
            case "one":
                return word()
            case "two":
                return f"{word()} {word()}"
        return f"{partial()} - {partial()}"

    return f"{both()}{draw(pick(' || ', '||'))}{both()}" if draw(pick(0, 0, 1)) else both()


@st.composite
def paths(draw: st.DrawFn) -> list[Edit]:
    """Step 5: one graph, and a target per case with its own needed version and its own sources."""
    scheme = draw(pick("semver", "semver", "pep440", "date", "sequence", "git-sha"))
    versions = pools.PATH_VERSIONS[scheme]
    any_version = pick(*versions)
    one: Edit = {"families/f": raw({"language": "json-schema", "versioning": scheme})}
    one |= {f"schemas/f/{version}": b"true" for version in versions if draw(pick(1, 1, 1, 0))}
    for number in range(NUMBER):
        needed = versions[number % len(versions)]
        one[f"targets/t{number}"] = raw({"family": "f", "schemas": {"*": needed}})
        one[f"bindings/e/t{number}/n"], one[f"envs/e/t{number}/version"] = b"", b"1.0.0"
        for source in some(draw, any_version, 1, 4):
            if source != needed:
                one[f"configs/t{number}/{source}/n"] = raw({"from": source})
    edge = st.builds("migrations/f/{}/{}".format, any_version, any_version)
    step = pick(*({"runtime": "json-patch", "patch": [], "lossy": lossy} for lossy in ([], [], ["/a"])), b"{", None)
    steps = st.tuples(edge, step.map(lambda value: value if value is None else raw(value)))
    one |= {key: value for key, value in some(draw, steps, 4, 20) if value is not None}
    config = st.builds("configs/t{}/{}/n".format, pick(*range(NUMBER)), any_version)
    schema = st.builds("schemas/f/{}".format, any_version)
    other = st.one_of(st.tuples(config, pick(b"{}", None)), st.tuples(schema, pick(b"true", None)))
    changes = st.lists(st.one_of(steps, steps, other), min_size=1, max_size=3).map(dict)
    return [one, *some(draw, changes, 0, 10)]


@st.composite
def bytes_(draw: st.DrawFn) -> list[Edit]:
    """Reading: a config per case, under a schema that takes everything."""
    one: Edit = {
        "families/f": raw({"language": "json-schema"}),
        "schemas/f/1.0.0": b"true",
        "targets/t": raw({"family": "f", "schemas": {"*": "1.0.0"}}),
        "envs/e/t/version": b"1.0.0",
    }
    one |= {f"bindings/e/t/n{number}": b"" for number in range(NUMBER)}
    text = st.one_of(pick(*map(raw, (*pools.DOCUMENTS, *pools.UNREADABLE))), yaml_texts().map(str.encode), json_texts())

    def edit() -> Edit:
        return {f"configs/t/1.0.0/n{number}": draw(text) for number in range(NUMBER)}

    return [one | edit(), *(edit() for _ in range(draw(pick(*range(4)))))]


def json_texts() -> st.SearchStrategy[bytes]:
    """Whole documents, now and then with one byte gone or doubled. No tags: the oracle knows none."""
    text = st.text(st.characters(exclude_characters="!"), max_size=4)
    leaf: Any = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), text)
    value = st.recursive(leaf, lambda it: st.lists(it, max_size=3) | st.dictionaries(text, it, max_size=3))
    whole = value.map(raw)
    return st.one_of(whole, whole, st.builds(broken, whole, st.integers(0, 40), pick(0, 2)))


def broken(text: bytes, at: int, times: int) -> bytes:
    return text[:at] + text[at : at + 1] * times + text[at + 1 :]


def yaml_texts() -> st.SearchStrategy[str]:
    """Block and flow, built from scalars that the YAML versions read differently."""
    scalar = pick(*pools.SCALARS)
    member = st.builds("{}: {}".format, pick("a", "b", "'1'", "n"), scalar)
    flow = st.one_of(
        scalar,
        st.lists(scalar, max_size=3).map(lambda it: f"[{', '.join(it)}]"),
        st.lists(member, max_size=2).map(lambda it: f"{{{', '.join(it)}}}"),
    )
    pair = st.builds("{}: {}\n".format, pick("a", "b", "c", "d", '"e"', "f g", "<<", "1", "null", "yes"), flow)
    block = st.one_of(pair, pair, st.builds("{}:\n  - {}\n  - {}\n".format, pick("a", "b", "l"), flow, flow))
    mapping = st.lists(block, min_size=1, max_size=4).map("".join)
    items = st.lists(flow.map("- {}\n".format), min_size=1, max_size=3).map("".join)
    return st.one_of(
        mapping, mapping, items, flow, st.builds("{}{}".format, pick("---\n", "# c\n", "%YAML 1.2\n---\n"), mapping)
    )


@st.composite
def steps(draw: st.DrawFn) -> list[Edit]:
    """Step 6: a family of its own per case, with two steps from the source to what is needed."""
    one: Edit = {}
    for number in range(NUMBER):
        one |= {f"bindings/e/t{number}/n": b"", f"envs/e/t{number}/version": b"1.0.0"}
        one[f"targets/t{number}"] = raw({"family": f"f{number}", "schemas": {"*": "2.0.0"}})
        one[f"families/f{number}"] = raw({"language": "json-schema"})
        one[f"schemas/f{number}/2.0.0"] = b"{}"
    step = st.one_of(good_steps(), good_steps(), guests(), guests(), pick(*pools.LENSES), pick(*pools.BAD_MIGRATIONS))
    document = st.one_of(pick(*pools.DOCUMENTS[:12]), pick(*pools.DOCUMENTS, *pools.UNREADABLE))
    schema: st.SearchStrategy[Any] = st.one_of(
        st.just(b"true"), st.just({}), pick(*pools.SCHEMAS), pick(*pools.SCHEMAS, *pools.BAD_SCHEMAS, None)
    )

    def edit(number: int) -> Edit:
        family = f"f{number}"
        start, middle = draw(pick(("1.0.0", "1.5.0"), ("3.0.0", "2.5.0"), ("1.0.0", "3.0.0")))
        other = {"1.0.0": "3.0.0", "3.0.0": "1.0.0"}[start]
        drawn = {
            f"migrations/{family}/{start}/{middle}": draw(step),
            f"migrations/{family}/{middle}/2.0.0": draw(step),
            f"configs/t{number}/{start}/n": draw(document),
            f"configs/t{number}/{other}/n": None,
            f"schemas/{family}/{start}": draw(schema),
            f"schemas/{family}/{middle}": draw(schema),
            f"schemas/{family}/2.0.0": draw(pick(b"{}", b"{}", b"true", *pools.SCHEMAS)),
        }
        return {key: value if value is None else raw(value) for key, value in drawn.items()}

    history = [one]
    for _ in range(draw(pick(*range(1, 5)))):
        history.append({key: value for number in range(NUMBER) for key, value in edit(number).items()})
        guest = draw(pick(*GUESTS))
        history[-1][f"modules/{guest.hex}"] = draw(pick(guest.wasm, None, GUESTS[0].wasm))
    return history


@st.composite
def depends(draw: st.DrawFn) -> list[Edit]:
    """The end of step 4: targets that require and accept each other, in environments one below the other."""
    targets, envs = [f"t{number}" for number in range(4)], ("a", "a/b", "a/c", "d")
    one: Edit = {"families/f": raw({"language": "json-schema"}), "schemas/f/1.0.0": b"{}"}
    for target in targets:
        one |= {f"configs/{target}/1.0.0/n": b"{}", f"bindings/a/{target}/n": b"", f"bindings/d/{target}/n": b""}
    text = mostly(pick(*pools.RANGES["semver"], ">=1.4.0,<2"), pick(*pools.BAD_RANGES), 25)
    some_ranges = st.dictionaries(pick(*targets, "absent"), text, max_size=2)
    tables = {"requires": some_ranges, "accepts": some_ranges}
    usual = {"family": st.just("f"), "schemas": st.just({"*": "1.0.0", ">=0.0.0-0": "1.0.0"})}
    block = {"onDependencyConflict": pick("block", "block", "report")}
    document = st.tuples(
        st.builds("targets/{}".format, pick(*targets)), st.fixed_dictionaries(usual | block, optional=tables)
    )
    exact = st.builds("targets/{}/{}".format, pick(*targets), pick("1.0.0", "1.4.0", "2.0.0"))
    override = st.tuples(exact, st.fixed_dictionaries({"schema": st.just("1.0.0")}, optional=tables))
    where = st.builds("envs/{}/{}/version".format, pick(*envs), pick(*targets))
    version = st.tuples(where, pick(*pools.RUNNING["semver"][:8], "1.0.0", "1.4.0", "2.0.0", "x", None))
    one |= {key: raw(value) for key, value in (draw(document) for _ in range(8))}
    one |= {f"envs/{env}/{target}/version": b"1.4.0" for env in envs for target in targets if draw(st.booleans())}
    change = pick(version, version, document, override).flatmap(lambda it: it)
    changes = st.lists(change, min_size=1, max_size=3)
    edits = changes.map(lambda all_: {key: value if value is None else raw(value) for key, value in all_})
    return [one, *some(draw, edits, 0, 15)]


FOCUS = (places, ranges, paths, bytes_, steps, depends)
