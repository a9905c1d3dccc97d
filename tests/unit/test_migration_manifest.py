"""What a migration key may say, what it may not, and which edges it makes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.migration import RUNTIMES, Edge, Manifest, edges_of, parse_manifest
from versiqiid.errors import Unreadable

DIGEST = "sha256:" + "0a" * 32

READABLE = [
    ({"runtime": "wasm", "module": DIGEST}, Manifest("wasm", module=DIGEST)),
    ({"runtime": "wasm", "module": DIGEST, "entry": "vq_down"}, Manifest("wasm", module=DIGEST, entry="vq_down")),
    ({"runtime": "json-patch", "patch": []}, Manifest("json-patch", patch=[])),
    ({"runtime": "lens", "lens": [{"wrap": {"name": "a"}}]}, Manifest("lens", lens=[{"wrap": {"name": "a"}}])),
    ({"runtime": "lua", "source": "return 1"}, Manifest("lua", source="return 1")),
    (
        {"runtime": "lua", "source": "x", "lossy": ["", "/a~1b"], "description": "d", "owner": "o"},
        Manifest("lua", source="x", lossy=("", "/a~1b"), description="d", owner="o"),
    ),
    ({"runtime": "lua", "source": "x", "lossy": []}, Manifest("lua", source="x")),
]

UNREADABLE = [
    ([], "object"),
    ("wasm", "object"),
    ({}, "'runtime'"),
    ({"runtime": "wat", "module": DIGEST}, "'runtime'"),
    ({"runtime": ["wasm"], "module": DIGEST}, "'runtime'"),
    ({"runtime": "wasm"}, "'module'"),
    ({"runtime": "wasm", "module": DIGEST, "modul": 1}, "'modul'"),
    ({"runtime": "wasm", "module": DIGEST, "patch": []}, "'patch'"),
    ({"runtime": "wasm", "module": DIGEST.upper()}, "'module'"),
    ({"runtime": "wasm", "module": DIGEST + "00"}, "'module'"),
    ({"runtime": "wasm", "module": 7}, "'module'"),
    ({"runtime": "wasm", "module": DIGEST, "entry": "main"}, "'entry'"),
    ({"runtime": "wasm", "module": DIGEST, "entry": None}, "'entry'"),
    ({"runtime": "json-patch", "patch": {}}, "'patch'"),
    ({"runtime": "json-patch", "patch": [{"op": "add", "path": "/a"}]}, "'patch': operation 0"),
    ({"runtime": "json-patch", "patch": [], "entry": "vq_up"}, "'entry'"),
    ({"runtime": "lens", "lens": [{"wrap": {"name": "a"}}, {"warp": {}}]}, "'lens': lens operation 1"),
    ({"runtime": "lens", "lens": None}, "'lens'"),
    ({"runtime": "lua", "source": 1}, "'source'"),
    ({"runtime": "lua", "source": "  \n"}, "'source'"),
    ({"runtime": "lua", "source": "x", "lossy": "/a"}, "'lossy'"),
    ({"runtime": "lua", "source": "x", "lossy": ["a"]}, "'lossy'"),
    ({"runtime": "lua", "source": "x", "lossy": ["/a~2"]}, "'lossy'"),
    ({"runtime": "lua", "source": "x", "lossy": [1]}, "'lossy'"),
    ({"runtime": "lua", "source": "x", "description": 1}, "'description'"),
    ({"runtime": "lua", "source": "x", "owner": None}, "'owner'"),
]


@pytest.mark.parametrize(("value", "expected"), READABLE)
def test_a_manifest_is_read_from_its_document_and_from_its_bytes(value: Any, expected: Manifest) -> None:
    assert parse_manifest(value) == expected
    assert parse_manifest(json.dumps(value).encode()) == expected
    assert value["runtime"] in RUNTIMES


@pytest.mark.parametrize(("value", "named"), UNREADABLE)
def test_anything_else_is_unreadable_and_the_field_is_named(value: Any, named: str) -> None:
    with pytest.raises(Unreadable) as refused:
        parse_manifest(value)
    assert named in refused.value.message


def test_bytes_that_are_no_document_are_unreadable_with_line_and_column() -> None:
    with pytest.raises(Unreadable) as refused:
        parse_manifest(b'{"runtime": "wasm",\n "runtime": "lua"}')
    assert refused.value.line == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "/a", "wasm", "lens", DIGEST, "vq_up"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["runtime", "module", "patch", "lens", "lossy", "op", "path", "in", "name"]),
            inner,
            max_size=4,
        )
    ),
)


@given(JSON | st.fixed_dictionaries({"runtime": st.sampled_from(RUNTIMES)}, optional={"lens": JSON, "patch": JSON}))
def test_no_document_makes_reading_fail_in_another_way(value: Any) -> None:
    try:
        manifest = parse_manifest(value)
    except Unreadable:
        return
    assert manifest.runtime == value["runtime"]
    assert isinstance(edges_of({("1", "2"): value}), dict)


def lens(*operations: Any, **more: Any) -> dict[str, Any]:
    return {"runtime": "lens", "lens": list(operations), **more}


RENAME = {"rename": {"source": "a", "destination": "b"}}
REMOVE = {"remove": {"name": "a", "type": "string"}}
ADD = {"add": {"name": "a", "type": "string"}}


def test_every_key_is_an_edge_and_only_a_non_empty_list_makes_it_lossy() -> None:
    values = {
        ("1", "2"): None,
        ("2", "3"): {"runtime": "wasm", "module": DIGEST, "lossy": ["/a"]},
        ("3", "4"): {"runtime": "wasm", "module": DIGEST, "lossy": []},
        ("4", "5"): {"runtime": "nonsense", "lossy": [7]},
        ("5", "6"): {"runtime": "nonsense", "lossy": "/a"},
        ("6", "7"): ["lossy"],
    }
    assert edges_of(values) == {pair: Edge(lossy=pair in {("2", "3"), ("4", "5")}) for pair in values}


def test_a_lens_leads_back_too_unless_that_way_has_a_key() -> None:
    values = {
        ("1", "2"): lens(RENAME),
        ("2", "3"): lens(ADD),
        ("3", "4"): lens(REMOVE),
        ("4", "5"): lens(REMOVE, lossy=["/a"]),
        ("5", "4"): None,
        ("5", "6"): lens({"nonsense": {}}),
        ("6", "7"): lens(RENAME, surplus=1),
    }
    made = edges_of(values)
    assert {pair: edge for pair, edge in made.items() if edge.inverse} == {
        ("2", "1"): Edge(inverse=True),
        ("3", "2"): Edge(lossy=True, inverse=True),
        ("4", "3"): Edge(inverse=True),
    }
    assert made["3", "4"] == Edge()
    assert made["4", "5"] == Edge(lossy=True)
