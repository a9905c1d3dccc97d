"""How a guest's way to fail is told: one sentence that names the limit, trap or rule, and nothing of its memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from versiqiid.core.envelope import sentence

if TYPE_CHECKING:
    from versiqiid.adapters.wasm.limits import Limits

_CAUSE_CHARACTERS_MAX = 200
_number = re.compile(r"^\d+: ")  # of several causes
_TRAPS = {
    "UNREACHABLE": "unreachable code was reached (a panic or failed assertion, as compilers write them)",
    "MEMORY_OUT_OF_BOUNDS": "out of bounds memory access",
    "TABLE_OUT_OF_BOUNDS": "out of bounds table access",
}
_WORDS = {  # wasmtime's own, for components, whose errors carry no code
    "all fuel consumed by WebAssembly": "OUT_OF_FUEL",
    "wasm trap: all fuel consumed by WebAssembly": "OUT_OF_FUEL",
    "wasm trap: interrupt": "INTERRUPT",
    "wasm trap: wasm `unreachable` instruction executed": "UNREACHABLE",
    "wasm trap: out of bounds memory access": "MEMORY_OUT_OF_BOUNDS",
    "wasm trap: call stack exhausted": "STACK_OVERFLOW",
}


def cause(error: Exception) -> str:
    """The innermost cause that wasmtime tells, short, on one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    innermost = _number.sub("", lines[-1]) if lines else "no cause given"
    return sentence(innermost)[:_CAUSE_CHARACTERS_MAX]


def code_of(error: Any) -> str | None:
    """The name of the trap that this error is; None when it is none."""
    code = getattr(error, "trap_code", None)
    return code.name if code else _WORDS.get(cause(error))


def trapped(where: str, name: str, limits: Limits) -> str:
    """What a trap by this name says.

    :param where: the function or phase that the guest was in.
    """
    match name:
        case "OUT_OF_FUEL":
            return f"used up its {limits.fuel:,} fuel in {where}, the limit"
        case "INTERRUPT":
            return f"ran for more than {limits.wall_s:g} s in {where}, the limit"
        case _:
            return f"trapped in {where}: {_TRAPS.get(name, name.lower().replace('_', ' '))}"
