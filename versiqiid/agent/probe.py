"""Whether the engine works after a reload: tries until one succeeds or the window is over. No verdict is drawn here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from versiqiid.agent.command import Ran, run_command
from versiqiid.agent.http import get
from versiqiid.errors import Unavailable

if TYPE_CHECKING:
    from versiqiid.agent.settings import ProbeSettings

_SUCCESSES: Final = range(200, 300)


async def probe(settings: ProbeSettings) -> Ran:
    """The first success, or the last failure of the window. At least one try is made.

    :param settings: the last try may begin when the window ends, and then takes ``timeout_s`` at most.
    """
    await anyio.sleep(settings.delay_s)
    end = anyio.current_time() + settings.window_s
    while True:
        ran = await _try(settings)
        if ran.ok or anyio.current_time() + settings.interval_s > end:
            return ran
        await anyio.sleep(settings.interval_s)


async def _try(settings: ProbeSettings) -> Ran:
    if settings.command is not None:
        return await run_command(settings.command, timeout_s=settings.timeout_s)
    if settings.http is not None:
        return await _try_http(settings.http, settings)
    host, _, port = (settings.tcp or "").rpartition(":")
    return await _try_tcp(host.strip("[]"), int(port), settings.timeout_s)


async def _try_http(url: str, settings: ProbeSettings) -> Ran:
    try:
        answer = await get(url, timeout_s=settings.timeout_s)
    except Unavailable as error:
        return Ran("no answer", reason=error.message)
    good = answer.status == settings.status if settings.status else answer.status in _SUCCESSES
    return Ran("ok") if good else Ran("status", reason=f"{url.partition('?')[0]}: HTTP status {answer.status}")


async def _try_tcp(host: str, port: int, timeout_s: float) -> Ran:
    connected = False
    with anyio.move_on_after(timeout_s):
        try:
            stream = await anyio.connect_tcp(host, port)
        except (OSError, ValueError):  # a name that cannot be one is a ValueError of the codec
            return Ran("no answer", reason=f"{host}:{port} refuses the connection")
        connected = True
        await stream.aclose()
    return Ran("ok") if connected else Ran("timeout", reason=f"{host}:{port} does not answer within {timeout_s:g} s")
