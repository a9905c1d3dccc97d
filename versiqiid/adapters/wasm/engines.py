"""wasmtime's engines, one for each kind of guest, configured so that bytes and fuel are the same on every machine."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import wasmtime

_STACK_BYTES = 512 * 1024
"""wasmtime's own default, named because it is part of a verdict. How many calls it holds depends on the processor's
architecture, so "stack overflow" is the one verdict that may differ between them."""

_OFF = (
    "wasm_threads",
    "shared_memory",
    "wasm_relaxed_simd",  # differs between machines by design
    "wasm_memory64",
    "wasm_multi_memory",
    "wasm_gc",
    "wasm_custom_page_sizes",
    "wasm_wide_arithmetic",
    "wasm_stack_switching",
)
_EXCEPTIONS = ("wasm_exceptions", "wasm_function_references", "gc_support")


class Kind(StrEnum):
    """What an engine runs."""

    CORE = "core"
    """Core modules with ABI version 1."""
    COMPONENT = "component"
    """Components of the world in ``plugins/migrations/wit``."""
    LUA = "lua"
    """The Lua interpreter, which is ours, and may therefore use exceptions: they are how Lua unwinds."""


def configuration(kind: Kind, *, interpreter: bool) -> Any:
    """Settings under which the same module gives the same bytes and the same fuel everywhere.

    :param interpreter: run wasmtime's portable interpreter instead of machine code, for hosts that forbid memory that
        is both written and executed (systemd's ``MemoryDenyWriteExecute``). Same verdicts and fuel, many times slower.
    """
    config = wasmtime.Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.max_wasm_stack = _STACK_BYTES
    config.cranelift_nan_canonicalization = True
    config.parallel_compilation = False  # its thread pool is lost in a forked process, which then hangs
    for feature in _OFF:
        setattr(config, feature, False)
    for feature in _EXCEPTIONS:
        setattr(config, feature, kind is Kind.LUA)
    config.wasm_component_model = kind is Kind.COMPONENT
    if interpreter:
        config.target = "pulley64"
    return config
