"""The path rule, clause by clause, and against an enumeration of every simple path."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version as PythonVersion

from versiqiid.core.migration import Edge, Path, best_path, direction, is_ordered_version, routes_to
from versiqiid.core.versions import Scheme
from versiqiid.errors import InvalidVersion

LOSSY, LOSSLESS = Edge(lossy=True), Edge()
Pairs = dict[tuple[str, str], Edge]


def edges(*lossless: str, lossy: tuple[str, ...] = ()) -> Pairs:
    """Edges from texts such as ``1>2``; a bare number n stands for n.0.0."""
    made = {}
    for text, edge in (*((text, LOSSLESS) for text in lossless), *((text, LOSSY) for text in lossy)):
        frm, to = (full(part) for part in text.split(">"))
        made[frm, to] = edge
    return made


def full(text: str) -> str:
    return text if "." in text else f"{text}.0.0"


def best(graph: Pairs, sources: str, wanted: str, existing: str = "1 2 3 4 5") -> str | None:
    path = best_path(
        Scheme.SEMVER,
        order=[full(text) for text in existing.split()],
        edges=graph,
        sources=[full(text) for text in sources.split()],
        wanted=full(wanted),
    )
    return None if path is None else ">".join((path.source, *path.steps)).replace(".0.0", "")


CLAUSES = [
    ("the needed version itself needs no step", edges("1>2", "2>1"), "1 2", "2", "2"),
    ("no edge leads there", edges("2>1", "3>4"), "1 4", "2", None),
    ("no source at all", edges("1>2"), "", "2", None),
    ("one step", edges("1>2"), "1", "2", "1>2"),
    ("long without loss wins over short and lossy", edges("1>2", "2>3", "3>4", lossy=("1>4",)), "1", "4", "1>2>3>4"),
    ("of two lossy ways the one with fewer losses", edges("1>2", lossy=("2>4", "1>3", "3>4")), "1", "4", "1>2>4"),
    ("fewest steps among equal losses", edges("1>2", "2>3", "1>3"), "1", "3", "1>3"),
    ("few steps from far win over many from near", edges("3>5", "5>4", "1>4"), "1 3", "4", "1>4"),
    ("a source before wins over a nearer one after", edges("1>3", "4>3"), "1 4", "3", "1>3"),
    ("of sources before, the nearest", edges("1>3", "2>3"), "1 2", "3", "2>3"),
    ("of sources after, the nearest", edges("4>3", "5>3"), "4 5", "3", "4>3"),
    ("a source after is taken when nothing else reaches", edges("2>1", "5>3"), "1 5", "3", "5>3"),
    ("of equal paths the one whose versions come first", edges("1>2", "1>3", "2>4", "3>4"), "1", "4", "1>2>4"),
    ("first differing element decides", edges("5>2", "2>1", "5>3", "3>1"), "5", "1", "5>2>1"),
    ("a way may leave the span between source and needed version", edges("2>5", "5>3"), "2", "3", "2>5>3"),
    ("edges with an end outside the order are none", edges("1>x.", "x.>2"), "1", "2", None),
    ("a source outside the order is none", edges("x.>2"), "x.", "2", None),
    ("versions without a schema are ends like others", edges("1>9", "9>2"), "1", "2", "1>9>2"),
    ("a step to itself leads nowhere", edges("1>1", "1>2", "2>2"), "1", "2", "1>2"),
]  # fmt: skip


@pytest.mark.parametrize(("clause", "graph", "sources", "wanted", "expected"), CLAUSES)
def test_each_clause_of_the_rule(clause: str, graph: Pairs, sources: str, wanted: str, expected: str | None) -> None:
    assert best(graph, sources, wanted) == expected, clause


def test_distance_counts_only_schema_versions_that_exist() -> None:
    """2.0.0 has a config but no schema: nothing that exists lies between, neither for it nor for 1.0.0."""
    graph = edges("1>3", "2>3")
    assert best(graph, "1 2", "3", existing="1 3") == "1>3"
    assert best(graph, "1 2", "3", existing="1 2 3") == "2>3"


def test_the_needed_version_may_stand_outside_the_order_when_it_has_its_own_config() -> None:
    assert best_path(Scheme.SEMVER, order=[], edges={}, sources=["latest"], wanted="latest") == Path("latest")
    assert best_path(Scheme.SEMVER, order=[], edges={}, sources=["1.0.0"], wanted="latest") is None


def test_versions_level_in_order_are_told_apart_by_their_texts() -> None:
    graph = {("1.0.0+b", "2.0.0"): LOSSLESS, ("1.0.0+a", "2.0.0"): LOSSLESS, ("v1.0.0", "2.0.0"): LOSSLESS}
    found = best_path(
        Scheme.SEMVER, order=["2.0.0"], edges=graph, sources=["v1.0.0", "1.0.0+b", "1.0.0+a"], wanted="2.0.0"
    )
    assert found == Path("1.0.0+a", ("2.0.0",))
    only_v = best_path(Scheme.SEMVER, order=["2.0.0"], edges=graph, sources=["v1.0.0"], wanted="2.0.0")
    assert only_v == Path("v1.0.0", ("2.0.0",))
    assert best_path(Scheme.SEMVER, order=["2.0.0"], edges=graph, sources=["1.0.0"], wanted="2.0.0") is None


def test_a_source_level_with_the_needed_version_is_not_after_it() -> None:
    graph = {("2.0.0+new", "2.0.0"): LOSSLESS, ("1.0.0", "2.0.0"): LOSSLESS}
    order = ["1.0.0", "1.5.0", "2.0.0", "2.0.0+new"]
    found = best_path(Scheme.SEMVER, order=order, edges=graph, sources=["1.0.0", "2.0.0+new"], wanted="2.0.0")
    assert found == Path("2.0.0+new", ("2.0.0",))


def test_git_names_have_declared_edges_and_their_texts_decide_what_is_left() -> None:
    a, b, c, d = "aaaaaaa", "bbbbbbb", "ccccccc", "ddddddd"
    graph = {(a, b): LOSSLESS, (a, c): LOSSLESS, (b, d): LOSSLESS, (c, d): LOSSLESS, ("main", d): LOSSLESS}
    assert best_path(Scheme.GIT_SHA, order=[a, d], edges=graph, sources=[a], wanted=d) == Path(a, (b, d))
    assert best_path(Scheme.GIT_SHA, order=[a, d], edges=graph, sources=[c, b, "main"], wanted=d) == Path(b, (d,))
    assert best_path(Scheme.GIT_SHA, order=[a, d], edges=graph, sources=["main"], wanted=d) is None


def test_a_path_names_the_migrations_to_run() -> None:
    assert Path("1.0.0", ("2.0.0", "3.0.0")).pairs == (("1.0.0", "2.0.0"), ("2.0.0", "3.0.0"))
    assert Path("1.0.0").pairs == ()


def test_routes_answer_many_configs_as_one_by_one() -> None:
    graph = edges("1>2", "2>3", "5>4", "4>3")
    routes = routes_to(Scheme.SEMVER, order=["1.0.0", "3.0.0"], edges=graph, wanted="3.0.0")
    assert routes.best(["1.0.0", "4.0.0"]) == Path("4.0.0", ("3.0.0",))
    assert routes.best(["1.0.0", "5.0.0"]) == Path("1.0.0", ("2.0.0", "3.0.0"))
    assert routes.best([]) is None


DIRECTIONS = [
    (Scheme.SEMVER, "1.0.0", "2.0.0", "vq_up"),
    (Scheme.SEMVER, "2.0.0", "2.0.0-rc.1", "vq_down"),
    (Scheme.SEMVER, "9.0.0", "10.0.0", "vq_up"),
    (Scheme.SEMVER, "1.0.0+a", "1.0.0+b", "vq_down"),
    (Scheme.PEP440, "1.0rc1", "1.0", "vq_up"),
    (Scheme.DATE, "2025-07-03", "2025.07", "vq_down"),
    (Scheme.SEQUENCE, "9", "10", "vq_up"),
    (Scheme.GIT_SHA, "aaaaaaa", "bbbbbbb", None),
]


@pytest.mark.parametrize(("scheme", "frm", "to", "expected"), DIRECTIONS)
def test_the_guest_export_follows_from_the_order(scheme: Scheme, frm: str, to: str, expected: str | None) -> None:
    assert direction(scheme, frm, to) == expected


def test_direction_refuses_what_is_no_version_and_is_ordered_version_says_so() -> None:
    with pytest.raises(InvalidVersion):
        direction(Scheme.SEMVER, "1.0.0", "main")
    assert is_ordered_version(Scheme.SEMVER, "v1.0.0")
    assert is_ordered_version(Scheme.GIT_SHA, "abcdef1")
    assert not is_ordered_version(Scheme.SEMVER, "1.0")


# ------------------------------------------------------------------------- against every simple path, naively

TEXTS = ["0.9", "1.0a1", "1.0", "1.0.0", "1.1", "2.0", "2.0+x", "junk"]


def simple_paths(graph: Pairs, at: str, wanted: str, seen: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if at == wanted:
        yield seen
        return
    for frm, to in graph:
        if frm == at and to not in seen:
            yield from simple_paths(graph, to, wanted, (*seen, to))


def naive_best(existing: list[str], graph: Pairs, sources: list[str], wanted: str) -> Path | None:
    """The rule's sentence, word for word: enumerate, then sort by all of it. Written on packaging's order alone."""
    if wanted in sources:
        return Path(wanted)

    def placed(text: str) -> bool:
        return text != "junk"

    usable = {pair: edge for pair, edge in graph.items() if all(map(placed, pair))}
    ranked = []
    for source in filter(placed, sources):
        for path in simple_paths(usable, source, wanted, (source,)):
            pairs = list(pairwise(path))
            low, high = sorted((PythonVersion(source), PythonVersion(wanted)))
            ranked.append(
                (
                    sum(usable[pair].lossy for pair in pairs),
                    len(pairs),
                    PythonVersion(source) > PythonVersion(wanted),
                    len([text for text in existing if placed(text) and low < PythonVersion(text) < high]),
                    [(PythonVersion(text), text) for text in path],
                    path,
                )
            )
    if not ranked:
        return None
    chosen = min(ranked)[-1]
    return Path(chosen[0], chosen[1:])


@given(
    existing=st.lists(st.sampled_from(TEXTS), unique=True),
    graph=st.dictionaries(
        st.tuples(st.sampled_from(TEXTS), st.sampled_from(TEXTS)), st.builds(Edge, st.booleans()), max_size=22
    ),
    sources=st.lists(st.sampled_from(TEXTS), unique=True, max_size=5),
    wanted=st.sampled_from(TEXTS[:-1]),
)
@settings(max_examples=300)
def test_the_chosen_path_is_the_best_of_all_simple_paths(
    existing: list[str], graph: Pairs, sources: list[str], wanted: str
) -> None:
    found = best_path(Scheme.PEP440, order=existing, edges=graph, sources=sources, wanted=wanted)
    assert found == naive_best(existing, graph, sources, wanted)
