"""Transactions as people write them: what is read, and what is refused with the pointer to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from versiqiid.cli.transaction import operations
from versiqiid.core.transaction import Asked, read_transaction
from versiqiid.errors import InvalidInput
from versiqiid.ports import Check, Delete, Set


def one(**operation: Any) -> dict[str, Any]:
    return {"operations": [{"op": "set", "key": "fine", "value": ""}, operation]}


@pytest.mark.parametrize(
    ("operation", "expected", "stored"),
    [
        ({"op": "set", "value": "ä"}, Asked("set", "k", "ä".encode(), None), Set("r/k", "ä".encode())),
        ({"op": "set", "value": "", "revision": 0}, Asked("set", "k", b"", 0), Set("r/k", b"", 0)),
        ({"op": "set", "valueBase64": "/w==", "revision": 7}, Asked("set", "k", b"\xff", 7), Set("r/k", b"\xff", 7)),
        ({"op": "delete"}, Asked("delete", "k", None, None), Delete("r/k")),
        ({"op": "delete", "revision": 7}, Asked("delete", "k", None, 7), Delete("r/k", 7)),
        ({"op": "delete", "revision": 0}, Asked("delete", "k", None, 0), Check("r/k", 0)),
        ({"op": "check", "revision": 0}, Asked("check", "k", None, 0), Check("r/k", 0)),
        ({"op": "check", "revision": 7}, Asked("check", "k", None, 7), Check("r/k", 7)),
    ],
)
def test_an_operation_is_read_for_the_daemon_and_for_a_store(
    operation: dict[str, Any], expected: Asked, stored: object
) -> None:
    told = one(key="k", **operation)
    assert read_transaction(told)[1] == expected
    assert operations(json.dumps(told).encode(), "r")[1] == stored


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([], "expected {operations: "),
        ({}, "expected {operations: "),
        ({"operations": {}}, "expected {operations: "),
        ({"operations": [], "more": 1}, "expected {operations: "),
        ({"operations": ["set"]}, "/operations/0: expected an object with 'op' and 'key' as text"),
        (one(op="set", value="hush"), "/operations/1: expected an object with 'op' and 'key' as text"),
        (one(op=["set"], key="k"), "/operations/1: expected an object with 'op' and 'key' as text"),
        (one(op="move", key="k"), "/operations/1/op: expected set, delete or check"),
        (one(op="delete", key="k", value="hush"), "/operations/1: a delete has no field 'value'"),
        (one(op="check", key="k"), "/operations/1/revision: expected a revision, 0 for absent"),
        (one(op="delete", key="k", revision=True), "/operations/1/revision: expected a revision, 0 for absent"),
        (one(op="delete", key="k", revision=-1), "/operations/1/revision: expected a revision, 0 for absent"),
        (one(op="set", key="k"), "/operations/1: a set needs either 'value' as text or 'valueBase64'"),
        (one(op="set", key="k", value=5), "/operations/1: a set needs either 'value' as text or 'valueBase64'"),
        (one(op="set", key="k", valueBase64="hush!"), "/operations/1: a set needs either 'value'"),
        (one(op="set", key="k", value="hush", valueBase64=""), "/operations/1: a set needs either 'value'"),
    ],
)
def test_what_is_none_is_refused_by_its_place_and_without_its_value(told: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_transaction(told)
    assert str(caught.value).startswith(message)
    assert "hush" not in str(caught.value)
