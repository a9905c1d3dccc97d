"""A stream holds one event at a time, however slow its reader and however much there is to tell."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from sse_starlette import ServerSentEvent

from versiqiid.api.rest.streams import OPEN_MAX, Send, Streams
from versiqiid.errors import RateLimited

pytestmark = pytest.mark.anyio

SCOPE: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": []}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # the server's


async def receive() -> Any:
    await anyio.sleep_forever()


async def test_a_reader_that_stands_still_stops_whoever_tells() -> None:
    """Nothing is gathered for it: of endless events, those that it took and the next ones on their way are made."""
    made = 0

    async def produce(send: Send) -> None:
        nonlocal made
        while True:
            made += 1
            await send(ServerSentEvent("x", id=str(made)))

    taken, stands = 0, anyio.Event()

    async def send(message: Any) -> None:
        nonlocal taken
        taken += message["type"] == "http.response.body"
        if taken == 5:
            stands.set()
            await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Streams(anyio.Event()).response(produce), SCOPE, receive, send)
        with anyio.fail_after(60):
            await stands.wait()
        await anyio.wait_all_tasks_blocked()
        assert taken == 5
        assert made <= taken + 2
        tasks.cancel_scope.cancel()


async def test_there_are_never_more_than_so_many() -> None:
    streams = Streams(anyio.Event())
    began = 0

    async def produce(_send: Send) -> None:
        nonlocal began
        began += 1
        await anyio.sleep_forever()

    async def send(_message: Any) -> None:
        return None

    async with anyio.create_task_group() as tasks:
        for _ in range(OPEN_MAX):
            tasks.start_soon(streams.response(produce), SCOPE, receive, send)
        with anyio.fail_after(60):
            while began < OPEN_MAX:
                await anyio.sleep(0.01)
        with pytest.raises(RateLimited):
            streams.response(produce)
        tasks.cancel_scope.cancel()
