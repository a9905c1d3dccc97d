"""A second watcher, which shares no code with the product: it looks at every state of a prefix that Consul shows.

It asks for consistent answers only, so what it sees was the truth at some moment, and never an older one than before.
"""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self
from urllib.parse import quote

_WAIT_S = 20
_PAUSE_S = 0.1


class Lookout:
    """Follows the prefix until the block ends.

    :param pause_s: how long it looks away after each state, in seconds.
    :param judge: key (without the prefix), its value before (None at first) and now (None = gone) → what is wrong with
        that, or None. Called in the watching thread for every difference between two states.
    :ivar faults: what was wrong. :ivar states: how many states were seen.
    :ivar values: the newest state.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        prefix: str,
        judge: Callable[[str, bytes | None, bytes | None], str | None],
        *,
        token: str = "",
        pause_s: float = 0.0,
    ) -> None:
        self._pause_s = pause_s
        self._addresses = addresses
        self._prefix = prefix
        self._judge = judge
        self._headers = {"X-Consul-Token": token} if token else {}
        self._thread = threading.Thread(target=self._run)
        self._ended = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._restored = False
        self.values: dict[str, bytes] = {}
        self.faults: list[str] = []
        self.states = 0
        self.index = 0

    def expect_restore(self) -> None:
        """From the next time that the index falls on, an older state is the truth."""
        self._restored = True

    def until(self, what: str, holds: Callable[[dict[str, bytes]], bool], within_s: float = 120) -> None:
        """Return when the newest state is as wanted."""
        deadline = time.monotonic() + within_s
        while not holds(self.values):
            assert time.monotonic() < deadline, f"waited {within_s} s: {what}"
            assert self._thread.is_alive(), "the lookout ended"
            time.sleep(0.05)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._connection is not None:
            self._connection.close()
        self._thread.join()

    def _run(self) -> None:
        turn = 0
        while not self._ended.is_set():
            address = self._addresses[turn % len(self._addresses)]
            try:
                self._follow(address)
            except (OSError, http.client.HTTPException, ValueError, AttributeError):
                turn += 1  # AttributeError: http.client's own, when the connection is closed under it
                self._ended.wait(_PAUSE_S)

    def _follow(self, address: str) -> None:
        """Ask one server until it fails."""
        self._connection = http.client.HTTPConnection(address, timeout=_WAIT_S / 4)
        try:
            while not self._ended.is_set():
                query = f"recurse&consistent&wait={_WAIT_S // 10}s" + (f"&index={self.index}" if self.index else "")
                self._connection.request("GET", f"/v1/kv/{quote(self._prefix)}?{query}", headers=self._headers)
                answer = self._connection.getresponse()
                body = answer.read()
                if answer.status not in {200, 404} or answer.getheader("X-Consul-Index") is None:
                    raise OSError(f"{answer.status}")
                self._take_in(int(answer.getheader("X-Consul-Index", "0")), json.loads(body) if body else [])
                self._ended.wait(self._pause_s)
        finally:
            self._connection.close()

    def _take_in(self, index: int, entries: list[dict[str, Any]]) -> None:
        if index < self.index:  # asked again from the start; what is there now was read in the same answer
            fell, self._restored = self._restored, False
        else:
            fell = False
        self.index = max(index, 1)
        now = {e["Key"].removeprefix(self._prefix): base64.b64decode(e["Value"] or "") for e in entries}
        before, self.values = self.values, now
        self.states += 1
        for key in before.keys() | now.keys():
            if before.get(key) != now.get(key):
                fault = self._judge(key, None if fell else before.get(key), now.get(key))
                if fault is not None:
                    self.faults.append(f"{key} at index {index}: {fault}")
