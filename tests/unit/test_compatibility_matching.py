"""The matching of alternatives, against every matching there is."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.compatibility.json_schema.matching import maximum_matching

edges_of_graphs = st.lists(st.lists(st.integers(0, 4), unique=True, max_size=5), max_size=5)


def largest(edges: list[list[int]]) -> int:
    """By trying every order of the right side."""
    count = max(5, len(edges))
    return max(
        sum(right in ends for ends, right in zip(edges, order, strict=False)) for order in permutations(range(count))
    )


@given(edges_of_graphs)
def test_no_matching_is_larger(edges: list[list[int]]) -> None:
    """Its pairs are edges, nobody is paired twice, and no other matching has more pairs."""
    pairs = maximum_matching(edges)
    assert all(right in edges[left] for left, right in pairs.items())
    assert len(set(pairs.values())) == len(pairs)
    assert len(pairs) == largest(edges)


@given(edges_of_graphs, st.data())
def test_a_start_costs_no_pair(edges: list[list[int]], data: st.DataObject) -> None:
    """Beginning with some pairs gives as many in the end, and who was paired stays paired."""
    start = maximum_matching([data.draw(st.lists(st.sampled_from(ends))) if ends else [] for ends in edges])
    pairs = maximum_matching(edges, start)
    assert start.keys() <= pairs.keys()
    assert len(pairs) == largest(edges)


def test_many_members_need_no_recursion() -> None:
    """A path through all of them is turned around without a call for each."""
    edges = [[0], *([index, index + 1] for index in range(2_000))]
    assert len(maximum_matching(edges)) == 2_001
