"""Schemas compared in another process: the same judgements, bounded, and alive after all that is thrown at it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from versiqiid.adapters.validation import ProcessComparer
from versiqiid.adapters.validation.protoc import compile_source
from versiqiid.core.comparison import UNDECIDED, Pair, Text, judged
from versiqiid.core.compatibility import Basis, Live
from versiqiid.errors import Unavailable, UnusableSchema

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Nothing here needs asyncio."""
    return str(request.param)


@pytest.fixture
async def comparer() -> AsyncIterator[ProcessComparer]:
    comparer = ProcessComparer()
    yield comparer
    await comparer.aclose()


def pair(old: Any, new: Any, **more: Any) -> Pair:
    texts = (Text(json.dumps(schema).encode()) for schema in (old, new))
    return Pair(more.pop("language", "json-schema"), *texts, **more)


def alternatives(count: int, leaf: str) -> dict[str, Any]:
    """Definitions that all refer to each other: comparing two of these is work."""
    one_of = {"oneOf": [{"$ref": f"#/$defs/t{n}"} for n in range(count)]}
    shape = {"id": {"type": leaf}, "left": one_of, "right": one_of}
    definitions = {
        f"t{n}": {"type": "object", "properties": {**shape, f"t{n}": {"type": "string"}}} for n in range(count)
    }
    return {"type": "object", "properties": {"product": one_of}, "$defs": definitions}


SMALL = pair({"type": "integer"}, {"type": "integer", "maximum": 5})

PAIRS = [
    SMALL,
    pair({"type": "integer"}, {"type": "number"}),
    pair({"type": "integer"}, {"type": "integer", "maximum": 5}, live=(Live("prod/a", 9), Live("prod/b", 4))),
    pair({"properties": {"a": True}}, {"properties": {"a": True, "b": {"type": "string"}}}, policy="LENIENT"),
    pair({}, {"required": ["a"], "properties": {"a": {"default": 1}}}, defaults="applied"),
    pair({"type": "string"}, {"type": "string", "format": "date"}, formats=True),
    pair({"$ref": "http://e.x/a"}, {}),
    pair("int", "long", language="avro"),
    pair("long", "int", language="avro"),
]


async def test_the_judgement_is_that_of_the_judge(comparer: ProcessComparer) -> None:
    """Nothing is lost on the way there and back, refusals included."""
    for asked in PAIRS:
        try:
            expected: Any = judged(asked, compile_source)
        except UnusableSchema as error:
            expected = (error.message, error.pointer, error.hint)
        try:
            found: Any = await comparer.judge(asked)
        except UnusableSchema as error:
            found = (error.message, error.pointer, error.hint)
        assert found == expected


async def test_references_are_given_along_and_never_fetched(comparer: ProcessComparer) -> None:
    there = (("http://e.x/a", b'{"type": "integer"}'),)
    old, new = Text(b'{"$ref": "http://e.x/a"}', there), Text(b'{"type": "number"}')
    assert (await comparer.judge(Pair("json-schema", old, new))).compatible
    imported = (("other.proto", b'syntax = "proto3"; message Other { int32 a = 1; }'),)
    source = b'syntax = "proto3"; import "other.proto"; message M { Other other = 1; }'
    assert (await comparer.judge(Pair("protobuf", Text(source, imported), Text(source, imported)))).compatible
    named = (("n.R", b'{"type": "record", "name": "R", "namespace": "n", "fields": []}'),)
    assert (await comparer.judge(Pair("avro", Text(b'"n.R"', named), Text(b'"n.R"', named)))).compatible


NO_SCHEMAS = [
    ("json-schema", b'{"type": 7}'),
    ("json-schema", b"\xff"),
    ("json-schema", b""),
    ("json-schema", b'{"pattern": "(?=a)"}'),
    ("json-schema", b'{"$ref": "#"}'),
    ("avro", b'{"type": "recrd"}'),
    ("avro", b'{"type": "record", "name": "R"}'),
    ("protobuf", b"message {"),
    ("protobuf", b"\xff"),
    ("protobuf", b'syntax = "proto3"; import "nobody.proto";'),
]


async def test_protobuf_is_judged_as_configs_are_kept(comparer: ProcessComparer) -> None:
    """In the JSON mapping names count; on the wire they do not."""
    old = Text(b'syntax = "proto3"; message M { int32 depth = 1; }')
    new = Text(b'syntax = "proto3"; message M { int32 deep = 1; }')
    kept = await comparer.judge(Pair("protobuf", old, new))
    assert (kept.compatible, kept.breaking[0].pointer) == (False, "/M/1")
    assert (await comparer.judge(Pair("protobuf", old, new, json_form=False))).compatible


async def test_what_is_no_schema_is_refused(comparer: ProcessComparer) -> None:
    for language, raw in NO_SCHEMAS:
        with pytest.raises(UnusableSchema):
            await comparer.check(language, Text(raw))


async def test_what_takes_too_long_is_undecided_and_harms_nobody() -> None:
    """The worker is ended by the kernel; the next question gets a new one."""
    comparer = ProcessComparer(cpu_s=0.2)
    asked = pair(alternatives(40, "string"), alternatives(40, "number"))
    try:
        assert await comparer.judge(asked) == UNDECIDED
        assert UNDECIDED.basis is Basis.UNDECIDED
        assert not UNDECIDED.compatible
        assert not (await comparer.judge(pair({"type": "integer"}, {"type": "string"}))).compatible
    finally:
        await comparer.aclose()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGABRT, signal.SIGTERM])
async def test_a_worker_that_somebody_ends_is_replaced(comparer: ProcessComparer, how: signal.Signals) -> None:
    """Nor is a worker that ran out of room before this question the question's fault."""
    before = await comparer.judge(SMALL)
    assert comparer._asking._worker is not None
    os.kill(comparer._asking._worker.pid, how)
    assert await comparer.judge(SMALL) == before


async def test_questions_wait_for_each_other_and_a_cancelled_one_leaves_order(comparer: ProcessComparer) -> None:
    found: dict[int, bool] = {}

    async def ask(number: int) -> None:
        found[number] = (await comparer.judge(pair({"maximum": number}, {"maximum": 5}))).compatible

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, 100)
            await anyio.lowlevel.checkpoint()
            scope.cancel()
    async with anyio.create_task_group() as tasks:
        for number in range(3, 9):
            tasks.start_soon(ask, number)
    assert {n: found[n] for n in range(3, 9)} == {n: n <= 5 for n in range(3, 9)}


async def test_a_closed_comparer_starts_nothing(comparer: ProcessComparer) -> None:
    await comparer.aclose()
    with pytest.raises(Unavailable):
        await comparer.judge(SMALL)
