"""Covers of queries over any tree: each key in one shard at most, none out of sight, never more queries than may be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.scope import Scope, member_of
from versiqiid.core.shard_planning import absorb, admit, closed, plan
from versiqiid.core.shards import Cover, Kind, Query, Sizes, owner

SIZES = Sizes(whole=60, split=30, merge=10, spare=1)
"""A key counts for 10 here."""

segments = st.sampled_from(("a", "ab", "abc", "b", "c", "ca"))
keys = st.sets(st.lists(segments, min_size=1, max_size=4).map("/".join), max_size=40)
roots = st.sampled_from(("", "r/"))


def held(cover: Cover, tree: set[str]) -> dict[Query, list[str]]:
    return {q: sorted(k for k in tree if q.holds(k)) for q in cover.queries if q.kind is not Kind.NAMES}


def planned(cover: Cover, tree: set[str], queries_max: int) -> Cover:
    inside = held(cover, tree)
    loads = {query: 10 * len(found) for query, found in inside.items()}
    return plan(cover, loads, lambda query: [(key, 10) for key in inside[query]], SIZES, queries_max)


def names(point: Query, tree: set[str]) -> set[str]:
    return {member_of(key, point.prefix) for key in tree if key.startswith(point.prefix)}


def settle(cover: Cover, tree: set[str], queries_max: int) -> Cover:
    """Plan and let names in until nothing moves."""
    for _ in range(50):
        before = cover
        cover = planned(cover, tree, queries_max)
        for point in [query for query in cover.queries if query.kind is Kind.NAMES]:
            if point in cover.queries:
                loads = {query: 10 * len(found) for query, found in held(cover, tree).items()}
                cover = admit(cover, point, sorted(names(point, tree)), loads, queries_max)
        if cover == before:
            return cover
    return cover


def check(cover: Cover, tree: set[str], queries_max: int) -> None:
    assert len(cover.queries) <= queries_max or cover.is_whole
    for key in tree:
        holders = [query for query in cover.queries if query.holds(key)]
        assert len(holders) == 1, f"{key} is in {holders} of {cover.queries}"
        assert owner(cover, key) == holders[0]


@given(root=roots, tree=keys, queries_max=st.integers(1, 12))
def test_every_key_is_in_one_shard(root: str, tree: set[str], queries_max: int) -> None:
    tree = {root + key for key in tree}
    check(settle(Cover.whole(root), tree, queries_max), tree, queries_max)


@given(root=roots, tree=keys, later=keys, queries_max=st.integers(1, 12), fewer=st.integers(1, 12))
def test_a_tree_that_changes_is_covered_again(
    root: str, tree: set[str], later: set[str], queries_max: int, fewer: int
) -> None:
    tree, later = {root + key for key in tree}, {root + key for key in later}
    cover = settle(Cover.whole(root), tree, queries_max)
    cover = closed(cover, [query for query, found in held(cover, later).items() if not found])
    check(settle(cover, later, fewer), later, fewer)


@given(tree=keys)
def test_with_room_enough_every_shard_is_light_or_cannot_be_cut(tree: set[str]) -> None:
    cover = planned(Cover.whole(""), tree, 1000)
    if 10 * len(tree) > SIZES.whole:
        assert all(10 * len(found) <= SIZES.split or len(found) == 1 for found in held(cover, tree).values())
    else:
        assert cover.is_whole


def test_a_small_tree_stays_in_one_piece_and_one_that_shrank_is_joined_again() -> None:
    large, small = {f"a/{number:02}" for number in range(40)}, {"a/00", "a/01"}
    cover = planned(Cover.whole(""), large, 64)
    assert len(cover.queries) > 4
    assert planned(cover, small, 64).is_whole


def test_at_the_limit_shards_get_larger_never_more() -> None:
    tree = {f"{name}/{number:02}" for name in "abcdefgh" for number in range(20)}
    wide, narrow = planned(Cover.whole(""), tree, 64), planned(Cover.whole(""), tree, 6)
    assert len(narrow.queries) <= 6 < len(wide.queries)
    check(narrow, tree, 6)
    assert len(planned(wide, tree, 6).queries) <= 6


def test_an_absorbed_part_is_one_shard() -> None:
    tree = {f"{name}/{number:02}" for name in "ab" for number in range(20)}
    cover = absorb(planned(Cover.whole(""), tree, 64), "a/")
    assert owner(cover, "a/07") == Query("a/", Kind.SUBTREE)
    assert owner(cover, "b/07") != Query("b/", Kind.SUBTREE)


@given(tree=keys, prefix=st.sampled_from(("", "a/", "ab/", "a")))
def test_a_scope_speaks_of_what_begins_with_its_prefix_and_is_in_no_member(tree: set[str], prefix: str) -> None:
    inside = {key for key in tree if key.startswith(prefix)}
    members = frozenset(sorted(names(Query(prefix, Kind.NAMES), tree))[::2])
    assert {key for key in tree if Scope(prefix).holds(key)} == inside
    beside = {key for key in inside if not any(key == m or (m.endswith("/") and key.startswith(m)) for m in members)}
    assert {key for key in tree if Scope(prefix, members).holds(key)} == beside
    assert {key for key in tree if Scope("a", exact=True).holds(key)} == tree & {"a"}
    moved = Scope(f"root/{prefix}", frozenset(f"root/{name}" for name in members)).under("root/")
    assert moved == Scope(prefix, members)
