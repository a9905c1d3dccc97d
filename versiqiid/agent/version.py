"""Which version of a target really runs here, asked of the target itself. What that means is for the controller."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import anyio.to_thread

from versiqiid.agent.command import run_command
from versiqiid.agent.disk import read_regular
from versiqiid.agent.http import get
from versiqiid.core.keys import SEGMENT_CHARACTERS_MAX
from versiqiid.errors import NotFound, Unavailable, Unreadable, VersiqiiError

if TYPE_CHECKING:
    from pathlib import Path

    from versiqiid.agent.settings import VersionSettings

_HTTP_OK: Final = 200


async def discover(settings: VersionSettings) -> tuple[str | None, str]:
    """The version, or None and one sentence why it is not known."""
    try:
        return _chosen(await _read(settings), settings), ""
    except VersiqiiError as error:
        return None, f"version not known: {error.message}"
    except OSError as error:
        return None, f"version not known: {settings.file}: {error.strerror}"


async def _read(settings: VersionSettings) -> str:
    if settings.command is not None:
        ran = await run_command(settings.command, timeout_s=settings.timeout_s)
        if not ran.ok:
            raise Unavailable(ran.reason)
        return ran.output.decode(errors="replace")
    if settings.file is not None:
        raw = await anyio.to_thread.run_sync(_read_file, settings.file)
        if raw is None:
            raise NotFound(f"{settings.file}: no such file")
        return raw.decode(errors="replace")
    answer = await get(settings.http or "", timeout_s=settings.timeout_s)
    if answer.status != _HTTP_OK:
        raise Unavailable(f"HTTP status {answer.status}")
    return answer.body.decode(errors="replace")


def _read_file(path: Path) -> bytes | None:
    return read_regular(path.resolve())  # a "current" link to the installed version is a common way to say it


def _chosen(text: str, settings: VersionSettings) -> str:
    if settings.pointer is not None:
        text = _pointed(text, settings.pointer)
    if settings.pattern is not None:
        match = re.search(settings.pattern, text)
        if match is None or match[1] is None:
            raise Unreadable("the pattern is not found in what was read")
        text = match[1]
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if not line:
        raise Unreadable("what was read is blank")
    if len(line) > SEGMENT_CHARACTERS_MAX:
        raise Unreadable(f"what was read has {len(line)} characters, which is no version; set a pattern")
    return line


def _pointed(text: str, pointer: str) -> str:
    from jsonpointer import JsonPointer, JsonPointerException  # noqa: PLC0415 - few hosts ask by HTTP

    try:
        found = JsonPointer(pointer).resolve(json.loads(text))
    except (ValueError, RecursionError, JsonPointerException):
        raise Unreadable(f"nothing at {pointer!r} of the answer") from None
    if not isinstance(found, str | int | float) or isinstance(found, bool):
        raise Unreadable(f"neither text nor number at {pointer!r} of the answer")
    return str(found)
