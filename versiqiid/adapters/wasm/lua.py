"""The Lua interpreter as a guest: its bytes, and how a script goes into it.

``lua.wasm`` is Lua's own C source, unchanged, with the guest of ``plugins/migrations/lua/interpreter`` around it. The
``build.py`` there makes the same bytes again, and a test compares them (docs/decisions/0035-lua-inside-webassembly.md).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

ENTRY = "vq_up"
"""The interpreter has one entry: which way a script leads is told by its key."""


@cache
def interpreter() -> bytes:
    """The interpreter's module."""
    return files("versiqiid.adapters.wasm").joinpath("lua.wasm").read_bytes()


def with_script(envelope: bytes, script: str) -> bytes:
    """The envelope with the script in it."""
    return b'{"source":%b,%b' % (json.dumps(script, ensure_ascii=False).encode(), envelope[1:])
