"""A handful of WebAssembly guests, and what each is known to do with a document.

Nothing here runs a guest: the oracle knows the answer because it knows which module it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import wasmtime

VERSION = '(func (export "vq_abi_version") (result i32) (i32.const 1))'
MEMORY = '(memory (export "memory") 4)'
ALLOC = '(func (export "vq_alloc") (param i32) (result i32) (i32.const 65536))'


class Fails(Exception):
    """The guest gives no document."""


class Wasm(bytes):
    """A module's bytes, by name where a history is printed."""

    def __repr__(self) -> str:
        return f"BY_NAME[{BY_HEX[hashlib.sha256(self).hexdigest()].name!r}].wasm"


@dataclass(frozen=True, slots=True)
class Guest:
    """Bytes, and what they do: entry and document in, document out.

    :ivar slow: it runs until its fuel is gone, so it appears rarely.
    """

    name: str
    wasm: bytes
    act: Callable[[str, Any], Any]
    slow: bool = False

    @property
    def hex(self) -> str:
        return hashlib.sha256(self.wasm).hexdigest()


def fails(_entry: str, _document: Any) -> Any:
    raise Fails


def same(_entry: str, document: Any) -> Any:
    return document


def always(document: Any) -> Callable[[str, Any], Any]:
    return lambda _entry, _document: document


def function(name: str, body: str) -> str:
    return f'(func (export "{name}") (param $p i32) (param $n i32) (result i64) (local $e i32) {body})'


def module(up: str, down: str = "", rest: str = "", *, version: str = VERSION) -> bytes:
    parts = (MEMORY, version, ALLOC, function("vq_up", up), function("vq_down", down or up), rest)
    return Wasm(wasmtime.wat2wasm(f"(module {' '.join(parts)})"))


def saying(content: str, at: int = 4096) -> tuple[str, str]:
    """A body that gives this text, and the data that it needs."""
    raw = content.encode()
    escaped = "".join(f"\\{byte:02x}" for byte in raw)
    return f"(i64.const {at << 32 | len(raw)})", f'(data (i32.const {at}) "{escaped}")'


def said(name: str, content: str, act: Callable[[str, Any], Any] = fails) -> Guest:
    body, data = saying(content)
    return Guest(name, module(body, rest=data), act)


# The envelope is canonical, so `context` comes last and is flat: the last "{" begins it, and `,"context":` (11 bytes)
# stands before that. Cutting there and closing the outer object gives {"config": what came in}.
IDENTITY = """
(local.set $e (i32.add (local.get $p) (local.get $n)))
(loop $back
  (local.set $e (i32.sub (local.get $e) (i32.const 1)))
  (br_if $back (i32.ne (i32.load8_u (local.get $e)) (i32.const 123))))
(local.set $e (i32.sub (local.get $e) (i32.const 11)))
(i32.store8 (local.get $e) (i32.const 125))
(i64.or (i64.shl (i64.extend_i32_u (local.get $p)) (i64.const 32))
  (i64.extend_i32_u (i32.add (i32.sub (local.get $e) (local.get $p)) (i32.const 1))))
"""
LOOP = "(loop $for_ever (br $for_ever)) (i64.const 0)"
GROW = "(loop $on (drop (memory.grow (i32.const 64))) (br $on)) (i64.const 0)"


def directions() -> Guest:
    up, up_data = saying('{"config":{"a":1}}', 4096)
    down, down_data = saying('{"config":{"a":2,"b":"down"}}', 8192)
    return Guest(
        "directions",
        module(up, down, up_data + down_data),
        lambda entry, _document: {"a": 1} if entry == "vq_up" else {"a": 2, "b": "down"},
    )


def one_way() -> Guest:
    """Has no ``vq_down``."""
    parts = (MEMORY, VERSION, ALLOC, function("vq_up", IDENTITY))
    return Guest("one-way", Wasm(wasmtime.wat2wasm(f"(module {' '.join(parts)})")), only_up)


def only_up(entry: str, document: Any) -> Any:
    return document if entry == "vq_up" else fails(entry, document)


def importing() -> bytes:
    alien = '(import "env" "abort" (func (param i32)))'
    parts = (alien, MEMORY, VERSION, ALLOC, function("vq_up", IDENTITY), function("vq_down", IDENTITY))
    return Wasm(wasmtime.wat2wasm(f"(module {' '.join(parts)})"))


GUESTS: tuple[Guest, ...] = (
    Guest("identity", module(IDENTITY), same),
    directions(),
    said("constant", '{"config":{"b":"guest"},"notes":["made up"]}', always({"b": "guest"})),
    one_way(),
    Guest("trap", module("unreachable"), fails),
    said("rubbish", "not a document at all: {"),
    said("refusal", '{"error":"cannot be carried over","pointer":"/a"}'),
    said("both", '{"config":{"a":1},"error":"both at once"}'),
    said("neither", "{}"),
    said("bare", '{"a":1}'),
    Guest("outside", module(f"(i64.const {(4 * 65536 - 8) << 32 | 64})"), fails),
    Guest("other-abi", module(IDENTITY, version=VERSION.replace("const 1", "const 2")), fails),
    Guest("alien-import", importing(), fails),
    Guest("no-module", Wasm(b"this is no WebAssembly"), fails),
    Guest("loop", module(LOOP), fails, slow=True),
    Guest("grow", module(GROW), fails, slow=True),
)
BY_NAME = {guest.name: guest for guest in GUESTS}
BY_HEX = {guest.hex: guest for guest in GUESTS}
