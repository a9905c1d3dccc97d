"""The version graph as keys hold it, and as it is drawn."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.graph.drawing import Edge, dot, mermaid
from versiqiid.core.graph.reading import Landscape, landscape
from versiqiid.core.keys import lineage
from versiqiid.core.snapshot import Observation, Snapshot, Value


def read(keys: dict[str, Any]) -> Landscape:
    raws = {
        key: value.encode() if isinstance(value, str) else json.dumps(value).encode() for key, value in keys.items()
    }
    snapshot = Snapshot()
    snapshot.apply(Observation({key: Value(raw, 1) for key, raw in raws.items()}, index=1))
    return landscape(snapshot)


def test_targets_and_their_versions_are_the_edges_and_version_keys_the_states() -> None:
    land = read(
        {
            "targets/web": {"family": "f", "requires": {"api": "^1"}},
            "targets/web/2.0.0": {"requires": {"api": "^2"}},
            "targets/api": {"family": "f", "accepts": {"web": "*"}},
            "envs/prod/web/version": " 1.0.0\n",
            "envs/prod/eu/web/version": "2.0.0",
            "envs/prod/api/version": "1.5.0",
            "envs/prod/blank/version": " ",
            "configs/web/1.0.0/default": {},
        }
    )
    assert land.state("prod") == {"api": "1.5.0", "web": "1.0.0"}
    assert land.state("prod/eu/fr") == {"api": "1.5.0", "web": "2.0.0"}
    assert land.state("test") == {}
    assert land.below("prod") == ("prod/eu",)
    assert [str(breach) for breach in land.graph.check(land.state("prod"))] == []
    told = [str(breach) for breach in land.graph.check(land.state("prod/eu"))]
    assert told == ["web 2.0.0 requires api '^2', but api 1.5.0 runs"]
    assert land.graph.known == {"web": ("1.0.0", "2.0.0"), "api": ("1.5.0",)}


def test_a_document_that_cannot_be_read_is_named_and_links_to_nothing() -> None:
    land = read({"targets/web": {"family": "f", "requires": {"api": "latest"}}, "targets/api/1.0.0": {"what": 1}})
    assert [(each.key, "what" in each.reason or "latest" in each.reason) for each in land.unread] == [
        ("targets/api/1.0.0", True),
        ("targets/web", True),
    ]
    assert land.graph.links("web", "1.0.0") == ()


@given(st.dictionaries(st.sampled_from(["a", "a/b", "a/b/c", "a/d", "e"]), st.sampled_from("123"), max_size=5))
def test_a_version_is_inherited_from_the_nearest_and_moves_for_all_that_inherit_it(own: dict[str, str]) -> None:
    """Beside the plain definition of "nearest"."""
    land = read({f"envs/{place}/web/version": version for place, version in own.items()})
    after = land.after("a", {"web": "9"})
    for place in ("a", "a/b", "a/b/c", "a/d", "a/x/y", "e"):
        nearest = next((own[up] for up in lineage(place) if up in own), None)
        assert land.state(place) == ({} if nearest is None else {"web": nearest})
        moved = next(({**own, "a": "9"}[up] for up in lineage(place) if up in {**own, "a": "9"}), None)
        assert after.state(place) == ({} if moved is None else {"web": moved})


EDGES = (Edge("web", "requires", "api", ">=1 <2"), Edge("api", "accepts", 'we"b', "", broken=True))


def test_a_mermaid_chart_names_every_node_once_and_marks_what_is_broken() -> None:
    assert mermaid({"web": "1.0.0"}, EDGES) == (
        "flowchart LR\n"
        '  n0["api"]\n'
        '  n1["we#quot;b"]\n'
        '  n2["web<br/>1.0.0"]\n'
        '  n2 -->|"requires #gt;=1 #lt;2"| n0\n'
        '  n0 -.->|"accepts *"| n1\n'
        "  linkStyle 1 stroke:red\n"
    )


def test_a_dot_graph_quotes_what_would_end_a_name() -> None:
    assert dot({"web": "1.0.0"}, EDGES) == (
        "digraph versions {\n"
        "  rankdir=LR;\n"
        "  node [shape=box];\n"
        '  "api" [label="api"];\n'
        '  "we\\"b" [label="we\\"b"];\n'
        '  "web" [label="web\\n1.0.0"];\n'
        '  "web" -> "api" [label="requires >=1 <2"];\n'
        '  "api" -> "we\\"b" [label="accepts *", style=dashed, color=red];\n'
        "}\n"
    )
