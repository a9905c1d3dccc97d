"""The local signer: an Ed25519 key in one file of the data directory."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

import anyio.lowlevel
from anyio import to_thread

from versiqiid.core import ed25519
from versiqiid.core.note import VerifierKey
from versiqiid.errors import InvalidInput

KEY_FILE = "log.key"
_MODE = 0o600
_PEM_BYTES_MAX = 4096


class LocalSigner:
    """Signs with the key in ``<data-dir>/log.key``; see ``ports.Signer``."""

    def __init__(self, name: str, seed: bytes) -> None:
        """:param name: the journal's origin; ``seed``: the 32 bytes of the key."""
        self._seed = seed
        self._key = VerifierKey(name, ed25519.public_key(seed))

    @classmethod
    async def open(cls, data_dir: Path, *, name: str, journal_size: int) -> LocalSigner:
        """The signer of a journal of this name and size.

        :param journal_size: number of entries. A key is made only for a journal that is still empty: a new key under
            entries that an old one has signed would look like forgery, and hide one.
        :raises InvalidInput: there are entries and no key file; the file is no Ed25519 key, or others may read it.
        """
        return cls(name, await to_thread.run_sync(_seed, data_dir / KEY_FILE, journal_size))

    @property
    def name(self) -> str:
        return self._key.name

    @property
    def vkey(self) -> str:
        return str(self._key)

    async def sign(self, message: bytes) -> bytes:
        await anyio.lowlevel.checkpoint()
        return ed25519.sign(self._seed, message)

    def __repr__(self) -> str:
        return f"LocalSigner({self.vkey})"


def _seed(path: Path, journal_size: int) -> bytes:
    try:
        return _read(path)
    except FileNotFoundError as error:
        if journal_size:
            raise InvalidInput(
                f"{path}: no signing key, but the journal has {journal_size} entries",
                hint="put the key back from its backup; a new key is never made for an old journal",
            ) from error
        return _make(path)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise InvalidInput(f"{path}: mode {mode:04o}, expected {_MODE:04o}", hint=f"chmod 600 {path}")
        return ed25519.from_pem(file.read(_PEM_BYTES_MAX), str(path))


def _make(path: Path) -> bytes:
    """Make the key, whole or not at all; of two processes that do so at once, both end with the same one."""
    seed = secrets.token_bytes(ed25519.KEY_BYTES)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(ed25519.to_pem(seed))
        file.flush()
        os.fsync(file.fileno())
    try:
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)  # fails where the file is there already, unlike a rename
    finally:
        temporary.unlink()
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return _read(path)
