"""Server-sent events: each stream is produced by one function and ends with its reader, or with the daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from versiqiid.errors import RateLimited, VersiqiiError
from versiqiid.logs import logger

log = logger("rest")

OPEN_MAX = 200
"""Streams at once; each costs a connection and, for keys, a query of the store. Arbitrary."""

PING_S = 15
SEND_TIMEOUT_S = 30.0
"""A reader that takes nothing for so long is dropped: it may come back with Last-Event-ID."""

Send: TypeAlias = Callable[[ServerSentEvent], Awaitable[None]]
Produce: TypeAlias = Callable[[Send], Awaitable[None]]


class Streams:
    """Opens streams and ends all of them when the daemon stops.

    :param stopping: set when the daemon stops serving.
    """

    def __init__(self, stopping: anyio.Event) -> None:
        self._stopping = stopping
        self._open = 0

    def response(self, produce: Produce) -> Response:
        """A response that streams whatever ``produce`` sends until it returns.

        :raises RateLimited: too many are open.
        """
        if self._open >= OPEN_MAX:
            raise RateLimited(f"{OPEN_MAX} streams are open", retry_after_s=1, hint="Ask another replica.")
        send, receive = anyio.create_memory_object_stream[ServerSentEvent](0)

        async def feed() -> None:
            self._open += 1
            try:
                async with send, anyio.create_task_group() as tasks:
                    tasks.start_soon(self._end, tasks.cancel_scope)
                    await _produced(produce, send.send)
                    tasks.cancel_scope.cancel()
            finally:
                self._open -= 1

        return EventSourceResponse(
            _received(receive), data_sender_callable=feed, ping=PING_S, send_timeout=SEND_TIMEOUT_S
        )

    async def _end(self, scope: anyio.CancelScope) -> None:
        await self._stopping.wait()
        scope.cancel()


async def _received(receive: MemoryObjectReceiveStream[ServerSentEvent]) -> AsyncIterator[ServerSentEvent]:
    async with receive:
        async for event in receive:
            yield event


async def _produced(produce: Produce, send: Send) -> None:
    """What goes wrong after the head was sent can only end the stream; its reader comes back and is told then."""
    try:
        await produce(send)
    except VersiqiiError as error:
        log.warning("stream_ended", code=error.code, reason=error.message)
    except anyio.BrokenResourceError:
        return
