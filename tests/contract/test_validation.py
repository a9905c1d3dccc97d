"""The validator behind the port: right, bounded, and alive after everything that is thrown at it."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from versiqiid.adapters.validation import ProcessValidator
from versiqiid.core.canonical import digest
from versiqiid.core.violation import Violation
from versiqiid.errors import Unavailable, UnusableSchema
from versiqiid.ports import ValidationRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

PORT = {"type": "object", "required": ["port"], "properties": {"port": {"type": "integer", "minimum": 1}}}


def request(schema: Any, document: Any = None, **settings: Any) -> ValidationRequest:
    raw = json.dumps([schema, settings.get("remotes")]).encode()
    return ValidationRequest(schema=schema, schema_digest=digest(raw), document=document, **settings)


def doubling(levels: int, leaf: Any) -> dict[str, Any]:
    """A small schema that applies its leaf two to the power of ``levels`` times."""
    steps = {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(levels)}
    return {"$defs": {**steps, f"a{levels}": leaf}, "$ref": "#/$defs/a0"}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Nothing here needs asyncio."""
    return str(request.param)


@pytest.fixture
async def validator() -> AsyncIterator[ProcessValidator]:
    async with ProcessValidator(cpu_s=0.5) as validator:
        yield validator


async def test_it_judges(validator: ProcessValidator) -> None:
    """What fits has no violations; what does not is explained."""
    assert await validator.validate(request(PORT, {"port": 1})) == ()
    assert await validator.validate(request(PORT, {"port": 0})) == (
        Violation("/port", "minimum", "expected a number of at least 1"),
    )
    assert await validator.validate(request({"not": {}}, 1)) != ()
    assert await validator.validate(request({}, {"a": ["é😀\u0000", 1.5, None]})) == ()


async def test_formats_and_remotes_reach_the_worker(validator: ProcessValidator) -> None:
    """The same schema with and without them are two."""
    assert await validator.validate(request({"format": "date"}, "x")) == ()
    assert await validator.validate(request({"format": "date"}, "x", formats=True)) != ()
    reference = {"$ref": "https://example.com/a"}
    with pytest.raises(UnusableSchema, match="leads nowhere"):
        await validator.validate(request(reference, "x"))
    assert await validator.validate(request(reference, "x", remotes={"https://example.com/a": {"type": "null"}})) != ()


async def test_an_unusable_schema_is_told_as_such(validator: ProcessValidator) -> None:
    """Every time, with place and advice, whether a document comes along or not."""
    for _ in range(2):
        with pytest.raises(UnusableSchema) as caught:
            await validator.check_schema(request({"properties": {"a": {"pattern": "(?=x)"}}}))
        assert caught.value.pointer == "/properties/a/pattern"
        with pytest.raises(UnusableSchema) as caught:
            await validator.validate(request({"$ref": "https://example.com/b"}, 1))
        assert caught.value.hint
    await validator.check_schema(request(PORT))


async def test_many_are_judged_in_order(validator: ProcessValidator) -> None:
    """One conversation, each with its own verdict."""
    requests = [request(PORT, {"port": number % 3}) for number in range(50)]
    requests += [request({"$ref": "#/x"}, 1), request(PORT, {"port": 1})]
    verdicts = await validator.validate_many(requests)
    assert [len(verdict) for verdict in verdicts[:50] if isinstance(verdict, tuple)] == [1, 0, 0] * 16 + [1, 0]
    assert isinstance(verdicts[50], UnusableSchema)
    assert verdicts[51] == ()
    assert await validator.validate_many([]) == []


async def test_large_documents_pass_through(validator: ProcessValidator) -> None:
    """As large as documents may be, both ways."""
    document = {f"k{index}": "x" * 1000 for index in range(340)}
    assert await validator.validate(request({"additionalProperties": {"type": "string"}}, document)) == ()
    assert len(await validator.validate(request({"additionalProperties": {"type": "null"}}, document))) == 340


HOSTILE = {
    "exponential references": request(doubling(60, {"type": "integer"}), 1),
    "exponential alternatives": request(doubling(60, {"anyOf": [{"minimum": 0}, {"type": "string"}]}), 1),
    "quadratic comparisons": request({"items": {"enum": [[f"x{i}"] for i in range(9000)]}}, [["x8999"]] * 20_000),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_schema_that_never_ends_is_ended(validator: ProcessValidator, name: str) -> None:
    """By the CPU time it took; the sentence names the schema, and the next document is judged as ever."""
    with pytest.raises(UnusableSchema, match=r"^work limit: over 0\.5 s of CPU") as caught:
        await validator.validate(HOSTILE[name])
    assert HOSTILE[name].schema_digest in caught.value.message
    assert await validator.validate(request(PORT, {"port": 1})) == ()


async def test_one_that_never_ends_among_many_takes_nobody_along(validator: ProcessValidator) -> None:
    """The others still get their verdicts."""
    good, bad = request(PORT, {"port": 1}), HOSTILE["exponential references"]
    verdicts = await validator.validate_many([good, bad, good])
    assert verdicts[0] == verdicts[2] == ()
    assert isinstance(verdicts[1], UnusableSchema)


async def test_hostile_but_linear_is_judged(validator: ProcessValidator) -> None:
    """Patterns that fell a backtracking engine, deep recursion, long chains of references: no more than work."""
    deep: Any = 1
    for _ in range(99):
        deep = {"a": deep}
    chain = {f"a{i}": {"$ref": f"#/$defs/a{i + 1}"} for i in range(1000)}
    for schema, document in (
        ({"pattern": "^(a+)+$"}, "a" * 300_000 + "b"),
        ({"pattern": "^(a|a)*$"}, "a" * 300_000 + "b"),
        (
            {"patternProperties": {"(x+x+)+y": False, "(.*.*)*z": False}, "additionalProperties": False},
            {"x" * 50_000: 1},
        ),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}}, deep),
        ({"$defs": {**chain, "a1000": {"type": "null"}}, "$ref": "#/$defs/a0"}, 1),
        ({"uniqueItems": True}, [[index] for index in range(30_000)] + [[0]]),
    ):
        assert await validator.validate(request(schema, document)) != ()


async def test_memory_is_bounded() -> None:
    """A schema that takes more than the worker may have is refused; the daemon and the next schema are not harmed."""
    many = {"allOf": [{"pattern": rf"^[\p{{L}}\p{{N}}]{{1,{50 + index}}}x$"} for index in range(150)]}
    async with ProcessValidator(cpu_s=20, memory_bytes=420 << 20) as validator:
        with pytest.raises(UnusableSchema, match=r"^work limit: "):
            await validator.validate(request(many, "é"))
        assert await validator.validate(request(PORT, {"port": 1})) == ()


async def test_a_killed_worker_is_replaced(validator: ProcessValidator) -> None:
    """Between two questions nobody notices."""
    assert await validator.validate(request(PORT, {"port": 1})) == ()
    for _ in range(3):
        os.kill(validator._idle[0].pid, signal.SIGKILL)
        assert await validator.validate(request(PORT, {"port": 0})) != ()


async def test_a_worker_that_always_dies_is_no_verdict() -> None:
    """Nothing is known of the document, and the caller may ask again."""
    async with ProcessValidator(memory_bytes=1 << 20) as validator:
        with pytest.raises(Unavailable):
            await validator.validate(request(PORT, {"port": 1}))


async def test_who_is_cancelled_leaves_no_answer_behind(validator: ProcessValidator) -> None:
    """The next question gets its own answer."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(validator.validate, HOSTILE["exponential references"])
        while not validator._all:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert await validator.validate(request(PORT, {"port": 0})) != ()


async def test_questions_at_the_same_time_share_the_workers() -> None:
    """Each gets its own answer, and there are never more processes than asked for."""
    async with ProcessValidator(workers=2) as validator:

        async def ask(number: int) -> None:
            found = await validator.validate(request(PORT, {"port": number % 2}))
            assert len(found) == 1 - number % 2
            assert len(validator._all) <= 2

        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(ask, number)


async def test_closing_ends_the_processes() -> None:
    """What is being asked ends, what is asked later is refused, and closing twice is the same as once."""
    validator = ProcessValidator(cpu_s=20)
    async with anyio.create_task_group() as tasks:

        async def ask() -> None:
            with pytest.raises(Unavailable):
                await validator.validate(HOSTILE["exponential references"])

        tasks.start_soon(ask)
        while not validator._all:
            await anyio.lowlevel.checkpoint()
        pids = [worker.pid for worker in validator._all]
        await validator.aclose()
    await validator.aclose()
    with pytest.raises(Unavailable):
        await validator.validate(request(PORT, {}))
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_worker_keeps_no_secret_of_the_daemon(
    validator: ProcessValidator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its environment holds what an interpreter needs, and no token."""
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "hunter2")
    await validator.validate(request(PORT, {}))
    environment = await anyio.Path(f"/proc/{validator._idle[0].pid}/environ").read_bytes()
    assert b"hunter2" not in environment
