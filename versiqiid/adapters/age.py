"""Documents sealed for people who hold an age identity (https://age-encryption.org/v1). The one door to ``pyrage``.

Whoever seals knows recipients only, which are public: a daemon that archives cannot read what it has archived.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from versiqiid.errors import InvalidSetting, JournalRefused

_IDENTITIES_BYTES_MAX = 65_536


class Sealer:
    """Encrypts to X25519 recipients (``age1…``)."""

    def __init__(self, recipients: Sequence[str]) -> None:
        """:raises InvalidSetting: none, or one that is no recipient; or the extra ``s3`` is not installed."""
        library = _library()
        if not recipients:
            raise InvalidSetting("setting 'archive-recipient': no recipient", hint="age-keygen makes a pair of keys")
        try:
            self._recipients = [library.x25519.Recipient.from_str(text.strip()) for text in recipients]
        except library.RecipientError as error:
            raise InvalidSetting(f"setting 'archive-recipient': expected age1…: {error}") from error

    def seal(self, data: bytes) -> bytes:
        """The bytes as an age file; different ones each time."""
        return bytes(_library().encrypt(data, self._recipients))


class Opener:
    """Decrypts what was sealed for one of the identities in a file, as ``age-keygen`` writes it."""

    def __init__(self, file: Path) -> None:
        """:raises InvalidSetting: no such file, or no identity in it; no line of it is ever quoted."""
        library = _library()
        try:
            with file.open(encoding="ascii") as opened:
                lines = opened.read(_IDENTITIES_BYTES_MAX).split("\n")
            texts = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
            self._identities = [library.x25519.Identity.from_str(text) for text in texts]
        except (OSError, UnicodeDecodeError, library.IdentityError):
            raise InvalidSetting(f"identity file {file}: expected lines with AGE-SECRET-KEY-1…") from None
        if not self._identities:
            raise InvalidSetting(f"identity file {file}: no identity in it")

    def open(self, data: bytes, place: str) -> bytes:
        """What was sealed.

        :raises JournalRefused: ``sealed``: not for these identities, or changed since.
        """
        library = _library()
        try:
            return bytes(library.decrypt(data, self._identities))
        except library.DecryptError as error:
            raise JournalRefused("sealed", place, str(error)) from error


def _library() -> Any:
    try:
        import pyrage  # noqa: PLC0415 - heavy, and only here where something is sealed
    except ImportError as error:
        raise InvalidSetting("archive: encryption needs the extra s3", hint="pip install 'versiqiid[s3]'") from error
    return pyrage
