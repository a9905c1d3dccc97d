"""What the agent remembers of one target between two starts, and the only place that knows how it lies on disk.

One JSON file a target, replaced whole and durably, and beside it the kept contents by SHA-256. The invariant that
everything rests on: a destination is only ever swapped while a ``Pending`` that names old and new content is on disk,
and that record goes away only after reload and probe have given their verdict and it was acted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from versiqiid.agent.disk import STAGED_SUFFIX, Staging, fsync_directory, read_regular, write_staged
from versiqiid.agent.plan import Attributes, Known

if TYPE_CHECKING:
    from pathlib import Path

_FILE: Final = "state.json"
_CONTENTS: Final = "generations"
_OUTPUT: Final = "output"
_PRIVATE: Final = 0o700


class Phase(StrEnum):
    """How far a change has come."""

    SWAP = "swap"
    """Staged and checked: swap what is not swapped yet, reload, probe."""
    RESTORE = "restore"
    """Reload or probe have failed: put the earlier contents back and reload."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A content that once lay at the destination. Its bytes are kept under ``content``.

    :ivar digest: of the effective config it was made from, None when it was not the agent's.
    :ivar link: the text of a symbolic link that lay there in place of a file; then nothing else counts.
    """

    content: str
    digest: str | None
    attributes: Attributes
    at: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The last reload or probe: when, how it ended, and the exit status where there was one."""

    at: str
    outcome: str
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One destination. ``generations`` are earlier contents, newest first; ``current`` is a copy of the present one."""

    known: Known = field(default_factory=Known)
    applied_at: str | None = None
    current: Generation | None = None
    generations: tuple[Generation, ...] = ()
    last_reload: Told | None = None
    last_probe: Told | None = None


@dataclass(frozen=True, slots=True)
class PendingFile:
    """One file of a change under way.

    :ivar previous: what to restore; None when there was nothing, or nothing was kept.
    :ivar absent_before: nothing lay there, so that restoring means removing.
    """

    destination: str
    desired_digest: str
    content: str
    trial: str
    attributes: Attributes
    previous: Generation | None
    absent_before: bool
    repair: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """A change under way: files that are swapped, reloaded and judged together.

    :ivar refused: it is undone because the disk refused a swap, not because of its content.
    :ivar attempts: how often reload and probe were begun for it, to end a loop of crashes.
    """

    files: tuple[PendingFile, ...]
    phase: Phase = Phase.SWAP
    refused: bool = False
    attempts: int = 0
    reason: str = ""
    reload: Told | None = None
    probe: Told | None = None


@dataclass(frozen=True, slots=True)
class TargetState:
    """Everything remembered of one target, by destination."""

    files: Mapping[str, FileRecord] = field(default_factory=dict)
    pending: tuple[Pending, ...] = ()

    def record(self, destination: str) -> FileRecord:
        return self.files.get(destination, FileRecord())

    def with_record(self, destination: str, record: FileRecord) -> TargetState:
        return replace(self, files={**self.files, destination: record})

    def contents(self) -> set[str]:
        """Every content that something still refers to."""
        kept = {
            generation.content
            for record in self.files.values()
            for generation in (*record.generations, *([record.current] if record.current else []))
        }
        waiting = {file.previous.content for change in self.pending for file in change.files if file.previous}
        return kept | waiting


_ADAPTER: Final = TypeAdapter(TargetState)


@dataclass(frozen=True, slots=True)
class StateFolder:
    """``<data dir>/<target>/``: readable by the agent alone, because contents may hold secrets."""

    path: Path

    def prepare(self) -> None:
        """Make the folders, and remove what an earlier run had begun to write into them.

        :raises OSError: they cannot be made.
        """
        for name in (_CONTENTS, _OUTPUT):
            (self.path / name).mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        self.path.chmod(_PRIVATE)
        for leftover in self.path.rglob(f"*{STAGED_SUFFIX}"):
            leftover.unlink(missing_ok=True)

    def load(self) -> tuple[TargetState, str]:
        """What is remembered, and a warning: a file that cannot be read is put aside and nothing is remembered.

        :raises OSError: the disk refuses.
        """
        path = self.path / _FILE
        raw = read_regular(path)
        if raw is None:
            return TargetState(), ""
        try:
            return _ADAPTER.validate_json(raw), ""
        except ValidationError:
            aside = path.with_suffix(".unreadable")
            path.replace(aside)
            return TargetState(), f"the agent's memory was unreadable and is now {aside}; files are looked at afresh"

    def save(self, state: TargetState) -> None:
        """Durable on return; a crash leaves the old state or the new one.

        :raises OSError: the disk refuses; the old state stays.
        """
        staging = Staging(self.path / _FILE)
        write_staged(staging, _ADAPTER.dump_json(state), None)
        staging.staged.replace(self.path / _FILE)
        fsync_directory(self.path)

    def keep(self, content: str, data: bytes) -> None:
        """Keep these bytes under their SHA-256, durably; what is kept already is not written again.

        :raises OSError: the disk refuses.
        """
        path = self.path / _CONTENTS / content
        if read_regular(path) == data:
            return
        staging = Staging(path)
        write_staged(staging, data, None)
        staging.staged.replace(path)
        fsync_directory(path.parent)

    def kept(self, content: str) -> bytes | None:
        return read_regular(self.path / _CONTENTS / content)

    def prune(self, state: TargetState) -> None:
        """Remove contents that nothing refers to any more. Losing this step to a crash only costs space."""
        wanted = state.contents()
        for path in (self.path / _CONTENTS).iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    def tell(self, name: str, output: bytes) -> Path:
        """Leave what a failed command printed for the operator of this host; the file it is in. Not durable."""
        path = self.path / _OUTPUT / name
        write_staged(Staging(path), output, None)
        Staging(path).staged.replace(path)
        return path
