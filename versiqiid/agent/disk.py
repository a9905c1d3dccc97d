"""Files of the host: looking, staging, swapping. Plain blocking calls, one thing each; nothing is decided here.

A destination is only ever replaced by ``rename``: readers see the old file or the new one, whole, with its owner, group
and mode. A symbolic link at the destination is replaced itself; what it points to is never opened.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import hashlib
import os
import pwd
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from versiqiid.agent.plan import Attributes, Kind, OnDisk
from versiqiid.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

FILE_BYTES_MAX = 64_000_000
"""Arbitrary; a config file beyond it is nobody's config, and reading it whole would hurt the host."""

STAGED_SUFFIX = ".versiqii-staged"

_MODE_DEFAULT = 0o644
_MODE_SECRET = 0o600
_OTHERS = 0o007
_FOLDER_MODE = 0o755


@dataclass(frozen=True, slots=True)
class Staging:
    """A destination and the hidden file beside it that will take its place. One name, so that a leftover is found."""

    destination: Path

    @property
    def staged(self) -> Path:
        return self.destination.with_name(f".{self.destination.name}{STAGED_SUFFIX}")


def content_of(data: bytes) -> str:
    """The SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def inspect(path: Path) -> OnDisk:
    """What lies there, without following a link at the last step.

    :raises OSError: it cannot be told (no right to look, for example).
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return OnDisk(Kind.ABSENT)
    attributes = Attributes(stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)
    if stat.S_ISLNK(found.st_mode):
        return OnDisk(Kind.LINK, content_of(os.fsencode(path.readlink())), attributes)
    if not stat.S_ISREG(found.st_mode):
        return OnDisk(Kind.OTHER, None, attributes)
    data = read_regular(path)
    return OnDisk(Kind.ABSENT) if data is None else OnDisk(Kind.FILE, content_of(data), attributes)


def read_regular(path: Path) -> bytes | None:
    """The bytes of a plain file, or None when there is none (absent, a link, a folder, a device).

    :raises OSError: it cannot be read, or it is over 64 MB.
    """
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            return None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data


def wanted_attributes(
    disk: OnDisk, *, mode: str | None, owner: str | None, group: str | None, secret: bool
) -> Attributes:
    """Owner, group and mode that the file shall have.

    With a secret in it, others have no rights whatever the setting says, and without a setting the group neither.

    :param mode: octal text, None = that of the present file, or 0644.
    :raises InvalidInput: no such user or group on this host.
    """
    present = disk.attributes if disk.kind is Kind.FILE else None
    bits = int(mode, 8) if mode is not None else present.mode & 0o777 if present else _MODE_DEFAULT
    if secret:
        bits = bits & ~_OTHERS if mode is not None else _MODE_SECRET
    keeps = present is not None and os.geteuid() == 0  # only root may give files away
    uid = present.uid if present and keeps else os.geteuid()
    gid = present.gid if present and keeps else os.getegid()
    return Attributes(bits, _uid(owner) if owner else uid, _gid(group) if group else gid)


def write_staged(staging: Staging, data: bytes, attributes: Attributes | None) -> None:
    """Write the staged file, durably, with its attributes already set. A leftover under its name is removed first.

    :param attributes: None = private to the agent.
    :raises OSError: the disk or the system refuses; the destination is untouched and no staged file is left.
    """
    staged = staging.staged
    staged.unlink(missing_ok=True)
    # O_EXCL and O_NOFOLLOW: in a folder that others can write to, nobody can prepare a link for us to write through.
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if attributes is not None:
                _set(descriptor, attributes)
            os.fsync(descriptor)
    except OSError:
        staged.unlink(missing_ok=True)
        raise


def make_parents(destination: Path) -> None:
    """Make the folders above the destination that are missing, readable by all.

    :raises OSError: they cannot be made.
    """
    destination.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)


def discard(staging: Staging) -> None:
    """Remove the staged file if there is one; a failure to do so is not worth failing for."""
    with contextlib.suppress(OSError):
        staging.staged.unlink(missing_ok=True)


def swap(staging: Staging) -> None:
    """Put the staged file in place of whatever lies at the destination; durable on return.

    :raises OSError: nothing was changed (a folder lies there, the disk is read-only …).
    """
    staging.staged.rename(staging.destination)
    fsync_directory(staging.destination.parent)


def swap_link(staging: Staging, text: str) -> None:
    """Put a symbolic link with this text in place of whatever lies at the destination; durable on return."""
    staging.staged.unlink(missing_ok=True)
    staging.staged.symlink_to(text)
    swap(staging)


def remove(path: Path) -> None:
    """Remove the file or link, durably; an absent one is removed already."""
    path.unlink(missing_ok=True)
    fsync_directory(path.parent)


def set_attributes(path: Path, attributes: Attributes) -> None:
    """Set owner, group and mode of a plain file in place.

    :raises OSError: not permitted, or a link lies there by now; nothing was changed.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _set(descriptor, attributes)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_directory(path: Path) -> None:
    """Make a rename in this folder survive a loss of power; syncing the file alone does not (``man 2 fsync``)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot sync folders
                raise
    finally:
        os.close(descriptor)


def _set(descriptor: int, attributes: Attributes) -> None:
    found = os.fstat(descriptor)
    if (found.st_uid, found.st_gid) != (attributes.uid, attributes.gid):
        os.fchown(descriptor, attributes.uid, attributes.gid)
    os.fchmod(descriptor, attributes.mode)  # after chown, which takes bits away


def _uid(name: str) -> int:
    if name.isdecimal():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise InvalidInput(f"owner {name!r}: no such user on this host") from None


def _gid(name: str) -> int:
    if name.isdecimal():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise InvalidInput(f"group {name!r}: no such group on this host") from None
