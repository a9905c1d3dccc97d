"""A SQLite file that is there before SQLite opens it, for its owner's eyes only. Nothing of its content is known."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def make_file(path: Path) -> None:
    """Create the file unless it is there. One that is there is never opened: closing *any* descriptor of a file drops
    every POSIX lock that this process has on it ("How To Corrupt An SQLite Database File", section 2.2). Another
    process that then closes the database believes itself alone, and takes the write-ahead log away under our feet.

    :raises OSError: it cannot be made, is a folder, or may not be read and written.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from None
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)) from None
