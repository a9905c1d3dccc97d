"""Connections to a server: kept, counted, one exchange at a time each, and closed when nobody wants them."""

from __future__ import annotations

import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.contract.wayside import Asked, Says, Wayside, wayside
from versiqiid.adapters.consul import lines as room
from versiqiid.adapters.consul.lines import BrokenOffError, Came, Lines, Sent

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio

PATIENCE_S = 60


def to(server: Wayside, path: str = "/", answer_s: float = PATIENCE_S) -> Sent:
    return Sent("GET", f"http://{server.address}{path}", {}, None, connect_s=PATIENCE_S, answer_s=answer_s)


def lines(most: int = 8) -> Lines:
    return Lines(ssl.create_default_context(), most)


@contextmanager
def slow(together: int) -> Iterator[tuple[Wayside, threading.Event]]:
    """A server that answers ``/slow`` once so many have asked for it, or the event is set; everything else at once."""
    all_here, release = threading.Barrier(max(together, 1)), threading.Event()

    def answer(what: Asked) -> Says:
        if what.path == "/slow":
            if together:
                all_here.wait(PATIENCE_S)
            else:
                release.wait(PATIENCE_S)
        return Says(200, what.path.encode())

    with wayside(answer) as server:
        try:
            yield server, release
        finally:
            release.set()


async def test_a_connection_is_used_again_and_only_for_one_exchange_at_a_time() -> None:
    with slow(together=3) as (server, _):
        mine = lines()
        for number in range(4):
            assert (await mine.exchange(to(server, f"/{number}"))).content == f"/{number}".encode()
        assert server.connections == 1
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(mine.exchange, to(server, "/slow"))
        assert server.connections == 3
        await mine.exchange(to(server))
        assert server.connections == 3
        await mine.aclose()


async def test_never_more_are_open_than_may_be_and_who_waits_gets_a_turn() -> None:
    with slow(together=0) as (server, release):
        mine, came = lines(most=2), []

        async def ask() -> None:
            came.append(await mine.exchange(to(server, "/slow")))

        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(ask)
            with anyio.fail_after(PATIENCE_S):
                while len(server.asked) < 2:
                    await anyio.sleep(0.01)
            with pytest.raises(BrokenOffError, match="in use") as refused:
                await mine.exchange(to(server, answer_s=0.01))
            assert not refused.value.sent, "what was never sent may be asked elsewhere"
            release.set()
        assert len(came) == 6
        assert server.connections == 2
        await mine.aclose()


async def test_a_connection_whose_exchange_was_given_up_is_not_used_again() -> None:
    """Its answer would be taken for that of the next."""
    with slow(together=0) as (server, release):
        mine = lines()
        with anyio.move_on_after(PATIENCE_S) as given_up:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(mine.exchange, to(server, "/slow"))
                while not server.asked:
                    await anyio.sleep(0.01)
                given_up.cancel()
        release.set()
        assert (await mine.exchange(to(server, "/next"))).content == b"/next"
        assert server.asked[-1].connection == 2
        await mine.aclose()


async def test_connections_that_nobody_wants_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    with slow(together=3) as (server, _):
        mine = lines()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(mine.exchange, to(server, "/slow"))
        assert len(mine._idle) == 3
        monkeypatch.setattr(room, "_IDLE_MAX_S", 0.0)
        await mine.exchange(to(server))
        assert len(mine._idle) <= 1
        await mine.aclose()


async def test_what_is_in_use_at_the_end_is_closed_when_its_exchange_is_over() -> None:
    with slow(together=0) as (server, release):
        mine, came = lines(), list[Came]()

        async def ask() -> None:
            came.append(await mine.exchange(to(server, "/slow")))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            with anyio.fail_after(PATIENCE_S):
                while not server.asked:
                    await anyio.sleep(0.01)
            await mine.aclose()
            release.set()
        assert came[0].status == 200
        assert not mine._idle


async def test_an_address_that_is_none_was_never_sent_anything() -> None:
    with pytest.raises(BrokenOffError) as refused:
        await lines().exchange(Sent("GET", "http://[", {}, None, connect_s=1, answer_s=1))
    assert not refused.value.sent
