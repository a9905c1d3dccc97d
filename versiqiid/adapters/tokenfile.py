"""Tokens without Vault: one that was given, and one in a file that somebody else keeps fresh. No third party here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import anyio

from versiqiid.core.access import Access, nickname
from versiqiid.errors import InvalidSetting
from versiqiid.logs import logger
from versiqiid.ports import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from versiqiid.core.access import Tell

log = logger("tokenfile")

_STREAM: Final = "token/store"

# Both Consul and Vault send it as a header, so anything but visible ASCII would break the request, or add to it.
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")


@dataclass(frozen=True, slots=True)
class FileState:
    """For the operator: why the file is not followed just now; empty when it is."""

    trouble: str = ""
    rotations: int = 0


class StaticToken:
    """``ports.Credentials``: always the same token."""

    def __init__(self, token: str) -> None:
        """:raises InvalidSetting: it cannot be a token; its characters are not shown."""
        self._secret = Secret(_checked(token, "the token"))

    def current(self) -> Secret:
        return self._secret

    async def run(self) -> None:
        """There is nothing to renew: wait until cancelled."""
        await anyio.sleep_forever()


class TokenFile:
    """``ports.Credentials`` from a file: read again when its content changes; the last good token stays otherwise.

    The content is compared, not the time of change: a link that is flipped (Kubernetes) or a file replaced within one
    tick of the clock is seen too.
    """

    def __init__(self, path: Path, *, poll_s: float = 1.0, tell: Tell = lambda _: None) -> None:
        """Read the file once.

        :param poll_s: how often it is looked at afterwards, by ``run``.
        :param tell: takes the facts: which token is in use, by nickname.
        :raises InvalidSetting: it cannot be read, or holds no token.
        """
        self._path = path
        self._poll_s = poll_s
        self._tell = tell
        self._state = FileState()
        self._secret = Secret(self._read())
        self._tell(Access("TokenUsed", _STREAM, self._fact()))

    @property
    def state(self) -> FileState:
        return self._state

    def current(self) -> Secret:
        return self._secret

    async def run(self) -> None:
        """Follow the file until cancelled. Whatever becomes of it, this goes on."""
        while True:
            await anyio.sleep(self._poll_s)
            try:
                found = await anyio.to_thread.run_sync(self._read)
            except InvalidSetting as error:
                if error.message != self._state.trouble:
                    log.warning("credential_file_unreadable", reason=error.message, hint=error.hint)
                self._state = FileState(error.message, self._state.rotations)
                continue
            rotations = self._state.rotations
            if found != self._secret.value:
                previous = nickname(self._secret.value)
                self._secret, rotations = Secret(found), rotations + 1
                self._tell(Access("TokenRotated", _STREAM, {**self._fact(), "previous": previous}))
                log.info("credential_file_changed", file=str(self._path))
            self._state = FileState("", rotations)

    def _fact(self) -> dict[str, Any]:
        return {"credential": "store", "method": "file", "subject": nickname(self._secret.value)}

    def _read(self) -> str:
        try:
            raw = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise InvalidSetting(f"token file {self._path}: {reason}", hint="is it there, and readable?") from error
        return _checked(raw.strip(), f"token file {self._path}")


def _checked(token: str, place: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise InvalidSetting(f"{place}: expected one line of 1 to 4,096 visible ASCII characters")
    return token
