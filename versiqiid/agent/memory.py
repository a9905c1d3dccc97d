"""The state of one target while the agent runs. What is remembered is on disk before anybody acts on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from anyio import to_thread

from versiqiid.agent.state import FileRecord, TargetState

if TYPE_CHECKING:
    from versiqiid.agent.plan import Known
    from versiqiid.agent.state import Pending, StateFolder


@dataclass(slots=True)
class Memory:
    """The newest state and the folder it is kept in.

    :ivar warning: something about the memory itself that a person should know; empty when all is well.
    """

    folder: StateFolder
    state: TargetState = field(default_factory=TargetState)
    warning: str = ""

    async def load(self) -> None:
        """
        Read what an earlier run has remembered.

        :raises OSError: the folder cannot be made or read.
        """
        await to_thread.run_sync(self.folder.prepare)
        self.state, self.warning = await to_thread.run_sync(self.folder.load)

    async def remember(self, state: TargetState) -> None:
        """Durable on return; the same state is not written again.

        :raises OSError: the disk refuses; both the file and this object keep the old state.
        """
        if state == self.state:
            return
        await to_thread.run_sync(self.folder.save, state)
        self.state = state

    async def set_known(self, destination: str, known: Known) -> None:
        record = self.state.record(destination)
        await self.remember(self.state.with_record(destination, replace(record, known=known)))

    async def begin(self, pending: Pending) -> None:
        await self.remember(replace(self.state, pending=(*self.state.pending, pending)))

    async def advance(self, old: Pending, new: Pending) -> None:
        changes = tuple(new if change is old else change for change in self.state.pending)
        await self.remember(replace(self.state, pending=changes))

    async def settle(self, pending: Pending, records: dict[str, FileRecord]) -> None:
        """End a change: its files are as the records say, and nothing is owed for them any more."""
        changes = tuple(change for change in self.state.pending if change is not pending)
        await self.remember(replace(self.state, files={**self.state.files, **records}, pending=changes))
        await to_thread.run_sync(self.folder.prune, self.state)

    async def keep(self, content: str, data: bytes) -> None:
        await to_thread.run_sync(self.folder.keep, content, data)

    async def kept(self, content: str) -> bytes | None:
        return await to_thread.run_sync(self.folder.kept, content)

    async def tell(self, name: str, output: bytes) -> str:
        """Where the output of a failed command can be read, as the end of a sentence; empty when there is none."""
        if not output:
            return ""
        path = await to_thread.run_sync(partial(self.folder.tell, name, output))
        return f"; its output is in {path} on this host"
