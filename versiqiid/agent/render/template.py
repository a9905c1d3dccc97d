"""Jinja2 templates. The only importer of jinja2 in the agent; sandboxed, and a missing name is an error.

A template sees the members of the root object by name, the whole document as ``config`` and ``host``, ``environment``,
``target`` and ``name`` under ``versiqii``. It can include nothing, change nothing and reach no Python internals.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from versiqiid.errors import TooLarge, Unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from versiqiid.core.canonical import Json

RENDERED_BYTES_MAX = 16_000_000
"""Arbitrary: far above any config file, far below what hurts a host. A loop in a loop ends here."""


def render_template(path: Path, value: Json, facts: dict[str, str]) -> bytes:
    """The rendered text as UTF-8.

    :raises Unreadable: no template, no UTF-8, a mistake in it, or a name that the config does not have; the line and
        the kind of error are named, never what an expression evaluated to.
    :raises TooLarge: more than 16 MB came out.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise Unreadable(f"template {path}: {what}") from None
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    members = value if isinstance(value, dict) else {}
    try:
        pieces = environment.from_string(text).generate(members | {"config": value, "versiqii": facts})
        return _joined(pieces, path)
    except TooLarge:
        raise
    except TemplateSyntaxError as error:
        raise Unreadable(f"template {path}: {error.message}", line=error.lineno, column=1) from None
    except Exception as error:  # noqa: BLE001 - a template may raise anything; messages may quote values, so only the kind
        raise Unreadable(f"template {path}: {_kind(error)}", line=_line(error), column=1) from None


def _joined(pieces: object, path: Path) -> bytes:
    out = bytearray()
    for piece in pieces:  # type: ignore[attr-defined]  # an iterator of str
        out += piece.encode()
        if len(out) > RENDERED_BYTES_MAX:
            raise TooLarge(f"template {path} gives too much", size=len(out), limit=RENDERED_BYTES_MAX)
    return bytes(out)


def _kind(error: Exception) -> str:
    if isinstance(error, UndefinedError):
        return "a name that the config does not have"
    if isinstance(error, SecurityError):
        return "an expression that the sandbox forbids"
    return f"an expression fails with {type(error).__name__}"


def _line(error: Exception) -> int:
    """The line of the template: its frames carry the name ``<template>``."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return frames[-1].lineno or 0 if frames else 0
