"""Foreign code and foreign schemas: what runs a migration and what judges a document promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from versiqiid.core.violation import Violation


class Runtime(StrEnum):
    """What a migration step is written in."""

    WASM = "wasm"
    JSON_PATCH = "json-patch"
    LENS = "lens"
    LUA = "lua"


@dataclass(frozen=True, slots=True)
class GuestCall:
    """One call of a migration guest.

    :ivar module: the WebAssembly bytes; ``digest`` their ``sha256:<hex>``, checked by the caller.
    :ivar entry: ``vq_up`` or ``vq_down``.
    :ivar envelope: RFC 8785 JSON of ``{config, context, stash?}``.
    :ivar script: a Lua script; then there is no module, and the runtime brings its own interpreter.
    """

    module: bytes
    digest: str
    entry: str
    envelope: bytes
    script: str | None = None


@dataclass(frozen=True, slots=True)
class GuestResult:
    """What the guest gave: raw bytes, the fuel it took, and what it logged (at most 64 kB)."""

    output: bytes
    fuel: int
    log: str = ""


class MigrationRuntime(Protocol):
    """Runs guests: bytes to bytes, under limits that give the same verdict on every machine."""

    async def run(self, call: GuestCall) -> GuestResult:
        """
        :raises MigrationFailed: wrong ABI, exports or imports, trap, limit; the sentence names which.
        """
        ...


@dataclass(frozen=True, slots=True)
class ValidationRequest:
    """One document against one schema.

    :ivar schema: parsed JSON, of a Protobuf schema its text; ``schema_digest``: ``sha256:<hex>`` of its raw bytes, for
        caching compiled schemas.
    :ivar formats: whether ``format`` is asserted instead of being an annotation.
    :ivar remotes: address → schema that references may name; ``schema_digest`` must tell them apart too.
    :ivar language: of the schema, as families call it.
    :ivar message: which Protobuf message the document is, None = the first.
    :ivar references: name → schema of what an Avro schema uses or a Protobuf file imports, in order; ``schema_digest``
        must tell them apart too.
    """

    schema: Any
    schema_digest: str
    document: Any
    formats: bool = False
    remotes: Mapping[str, Any] = field(default_factory=dict)
    language: str = "json-schema"
    message: str | None = None
    references: tuple[tuple[str, Any], ...] = ()


class Validator(Protocol):
    """Judges documents against schemas off the event loop, so that a hostile schema cannot stall the daemon."""

    async def validate(self, request: ValidationRequest) -> tuple[Violation, ...]:
        """The violations, empty when the document fits.

        :raises UnusableSchema: the schema cannot judge anything, or a validation went over 2 s of CPU; the message of
            the latter begins with ``work limit``.
        """
        ...

    async def check_schema(self, request: ValidationRequest) -> None:
        """Return when the schema is usable; its document is ignored.

        :raises UnusableSchema: as above.
        """
        ...
