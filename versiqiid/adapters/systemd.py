"""What systemd is told: ready, alive, stopping. A datagram to the socket it names; nothing is sent elsewhere.

The protocol is ``sd_notify(3)``: "READY=1 … Tells the service manager that service startup is finished",
"WATCHDOG=1 … Tells the service manager to update the watchdog timestamp".
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio


@dataclass(frozen=True, slots=True)
class Notifier:
    """:ivar address: of the datagram socket. :ivar watchdog_s: how often systemd wants to hear of us, None = never."""

    address: str
    watchdog_s: float | None

    @classmethod
    def from_environment(cls) -> Notifier | None:
        """What ``NOTIFY_SOCKET`` and ``WATCHDOG_USEC`` say, None when systemd did not start this process."""
        address = os.environ.get("NOTIFY_SOCKET", "")
        if not address:
            return None
        interval = os.environ.get("WATCHDOG_USEC", "")
        mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return cls(address, int(interval) / 1_000_000 if interval.isdigit() and mine else None)

    async def run(self, ready: Callable[[], Awaitable[None]]) -> None:
        """Tell ready once ``ready`` returns, then feed the watchdog from this event loop; tell stopping at the end."""
        try:
            await ready()
            self.send("READY=1")
            while self.watchdog_s is not None:
                self.send("WATCHDOG=1")
                await anyio.sleep(self.watchdog_s / 2)
            await anyio.sleep_forever()
        finally:
            self.send("STOPPING=1")

    def send(self, message: str) -> None:
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto(message.encode(), address)
