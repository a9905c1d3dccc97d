"""Reports under a session of the store: they are there while the host lives, and vanish when it does not.

Only the newest report of each target is kept here, and only what differs from what was written is written. The store
may be away for any time; nothing waits for this task.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
from anyio import to_thread

from versiqiid.agent.disk import Staging, read_regular, write_staged
from versiqiid.core.retry import Backoff, delay_s
from versiqiid.errors import NotFound, VersiqiiError
from versiqiid.logs import logger
from versiqiid.ports import SessionId

if TYPE_CHECKING:
    from versiqiid.ports import Locks

_STOP_S: Final = 5.0  # a store that does not answer must not hold up the stop of the daemon
_PAUSE_S: Final = 1.0  # between two tries to take a key that an earlier session still holds
_BACKOFF: Final = Backoff(first_s=1.0, most_s=30.0)
_ID_CHARACTERS_MAX: Final = 200

_log = logger("agent")


@dataclass(slots=True)
class Reporter:
    """
    Writes the reports of this host.

    :ivar prefix: full key above the reports, ``<root>/hosts/<host>``.
    :ivar seed: spreads this host's tries among those of others, 0 to 1.
    :ivar note: the session's id, kept on disk so that a restart after a crash can end it and need not wait for its end.
    """

    locks: Locks
    host: str
    prefix: str
    ttl_s: float
    note: Path
    seed: float = 0.5
    _reports: dict[str, bytes] = field(default_factory=dict)
    _written: dict[str, bytes] = field(default_factory=dict)
    _changed: anyio.Event = field(default_factory=anyio.Event)

    def publish(self, target: str, report: bytes) -> None:
        """Have this written as soon as the store can be reached. The same report again does nothing."""
        if self._reports.get(target) != report:
            self._reports[target] = report
            self._changed.set()

    async def run(self) -> None:
        """Write until cancelled; the session is then ended, which removes the reports. Never gives up."""
        await self._end_former()
        failures = 0
        while True:
            try:
                await self._run_session()
            except NotFound:
                failures = 1  # the session ran out, for example while this host slept: begin another
            except VersiqiiError as error:
                failures += 1
                _log.warning("reports_not_written", reason=error.message, attempt=failures)
            except Exception:  # noqa: BLE001 - reports are told; they must not be able to end the agent
                failures += 1
                _log.exception("reports_not_written", attempt=failures)
            await anyio.sleep(delay_s(_BACKOFF, failures, self.seed))

    async def _run_session(self) -> None:
        session = await self.locks.open_session(
            f"versiqii-agent {self.host}", ttl_s=self.ttl_s, lock_delay_s=0.0, delete=True
        )
        self._written = {}
        try:
            await to_thread.run_sync(self._note, session.id)
            while True:
                changed = self._changed = anyio.Event()
                refused = await self._write(session.id)
                pause_s = min(session.ttl_s, self.ttl_s) / 3
                with anyio.move_on_after(min(pause_s, _PAUSE_S) if refused else pause_s):
                    await changed.wait()
                await self.locks.renew(session.id)
        finally:
            with anyio.move_on_after(_STOP_S, shield=True):
                await _ended(self.locks, session.id)

    async def _write(self, session: SessionId) -> bool:
        """Write what is new; whether another session still holds one of the keys (this host's own, from before)."""
        refused = False
        for target, report in list(self._reports.items()):
            if self._written.get(target) == report:
                continue
            if await self.locks.acquire(f"{self.prefix}/{target}", report, session):
                self._written[target] = report
            else:
                refused = True
        return refused

    async def _end_former(self) -> None:
        raw = await to_thread.run_sync(_read_note, self.note)
        if raw:
            await _ended(self.locks, SessionId(raw))

    def _note(self, session: SessionId) -> None:
        try:
            write_staged(Staging(self.note), session.encode(), None)
            Staging(self.note).staged.replace(self.note)
        except OSError:
            return  # only a short-cut is lost: the session ends by itself


def _read_note(path: Path) -> str:
    try:
        raw = read_regular(path)
    except OSError:
        return ""
    return raw.decode(errors="replace")[:_ID_CHARACTERS_MAX] if raw else ""


async def _ended(locks: Locks, session: SessionId) -> None:
    """End the session if the store can be reached; otherwise it ends by itself after its time to live."""
    try:
        await locks.end_session(session)
    except VersiqiiError as error:
        _log.info("session_not_ended", reason=error.message)
