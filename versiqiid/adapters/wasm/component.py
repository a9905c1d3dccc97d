"""One call of one component, from a fresh store to its answer: the tier for languages that bring their runtime along.

A component exports ``up`` and ``down``, each of type ``func(config: string) -> result<string, string>``: the config as
JSON in, the migrated config or one sentence out. Where a step keeps something aside, it exports ``up-envelope`` and
``down-envelope`` of type ``func(envelope: string) -> string`` instead, which take and give what a core module does. It
imports nothing. The limits are those of core modules.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import wasmtime
from wasmtime import component

from versiqiid.adapters.wasm.clock import ticks
from versiqiid.adapters.wasm.sentences import cause, code_of, trapped
from versiqiid.core.canonical import canonical, read_canonical
from versiqiid.errors import MigrationFailed
from versiqiid.ports import GuestResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from versiqiid.adapters.wasm.limits import Limits

_INSTANCES_MAX = 200
_TABLES_MAX = 16
"""A component is made of many core modules; these numbers are arbitrary. All of them share one memory."""
_NAMES = {"vq_up": "up", "vq_down": "down"}
_ENVELOPE = "-envelope"
_PLAIN_TYPE = "func(config: string) -> result<string, string>"
_ENVELOPE_TYPE = "func(envelope: string) -> string"


@dataclass(frozen=True, slots=True)
class PreparedComponent:
    """A compiled component that keeps the world.

    :ivar exports: those of its functions that the world names.
    """

    component: Any
    exports: frozenset[str]

    def close(self) -> None:
        self.component.close()


def prepare(engine: Any, compile_: Callable[[bytes], Any], code: bytes) -> PreparedComponent:
    """Compile and check; nothing of the guest runs.

    :raises MigrationFailed: no component, or one that does not keep the world; the sentence says where.
    """
    compiled = compile_(code)
    with compiled.type as kind:
        imported = sorted(kind.imports(engine))
        exported = {name: each.ty for name, each in kind.exports(engine).items() if name in _WANTED}
    if imported:
        name = "".join(character if character.isprintable() else "?" for character in imported[0][:80])
        raise MigrationFailed(
            f"imports {name}, which is not allowed (componentize-py: build with --stub-wasi)",
            hint="A component of the migration world imports nothing.",
        )
    for name, each in exported.items():
        if not _is(each, _WANTED[name]):
            raise MigrationFailed(f"exports {name} as something else than {_WANTED[name]}")
    if not exported:
        raise MigrationFailed("exports neither up nor down", hint=f"The world has both as {_PLAIN_TYPE}.")
    return PreparedComponent(compiled, frozenset(exported))


def run(engine: Any, prepared: PreparedComponent, entry: str, envelope: bytes, limits: Limits) -> GuestResult:
    """What the function gave for this envelope, as core modules answer; see ``guest.run``.

    :param entry: ``vq_up`` or ``vq_down``.
    :raises MigrationFailed: one sentence saying which limit, trap or rule.
    """
    plain = _NAMES.get(entry, "")
    name = next((each for each in (plain + _ENVELOPE, plain) if each in prepared.exports), None)
    if name is None:
        raise MigrationFailed(f"does not export {plain}", hint=f"It has {', '.join(sorted(prepared.exports))}.")
    store = wasmtime.Store(engine)
    try:
        store.set_limits(limits.memory_bytes, limits.table_elements, _INSTANCES_MAX, _TABLES_MAX, memories=1)
        store.set_fuel(limits.fuel)
        store.set_epoch_deadline(ticks(limits.wall_s))
        given = envelope if name != plain else canonical(read_canonical(envelope)["config"])
        output = _answer(_called(engine, store, prepared, (name, given.decode()), limits), plain=name == plain)
        if len(output) > limits.output_bytes:
            raise MigrationFailed(f"{name} gave {len(output):,} bytes, the limit is {limits.output_bytes:,}")
        return GuestResult(output, limits.fuel - store.get_fuel())
    finally:
        store.close()


def _called(engine: Any, store: Any, prepared: PreparedComponent, asked: tuple[str, str], limits: Limits) -> Any:
    """What the function of that name gave for that text."""
    name, text = asked
    where = "its start function"
    try:
        with component.Linker(engine) as linker:
            instance = linker.instantiate(store, prepared.component)
        where = name
        return instance.get_func(store, name)(store, text)
    except wasmtime.WasmtimeError as error:
        code = "OUT_OF_FUEL" if store.get_fuel() == 0 else code_of(error)
        told = trapped(where, code, limits) if code else f"could not enter {where}: {cause(error)}"
        raise MigrationFailed(told) from None
    except UnicodeDecodeError:
        raise MigrationFailed(f"{name} gave text that is not UTF-8") from None


def _answer(given: Any, *, plain: bool) -> bytes:
    """As a core module would have answered."""
    if not plain:
        return bytes(given.encode())
    if given.tag == "ok":
        return b'{"config":%b}' % given.payload.encode()
    return json.dumps({"error": given.payload}, ensure_ascii=False).encode()


_WANTED = {
    **dict.fromkeys(_NAMES.values(), _PLAIN_TYPE),
    **dict.fromkeys([name + _ENVELOPE for name in _NAMES.values()], _ENVELOPE_TYPE),
}


def _is(kind: Any, wanted: str) -> bool:
    """Whether a component's export has one of the two types."""
    if not isinstance(kind, component.FuncType):
        return False
    text = [isinstance(each, component.String) for _, each in kind.params] == [True]
    result = kind.result
    if wanted == _ENVELOPE_TYPE:
        return text and isinstance(result, component.String)
    if not isinstance(result, component.ResultType):
        return False
    return text and isinstance(result.ok, component.String) and isinstance(result.err, component.String)
