"""A schema of any language, ready to judge documents. What fits is decided in ``core/schema``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from versiqiid.core.schema import CompiledSchema, compile_schema, violations
from versiqiid.core.violation import Violation


class Documents(Protocol):
    """A schema that judges documents."""

    def violations(self, document: Any) -> tuple[Violation, ...]: ...


@dataclass(frozen=True, slots=True)
class JsonDocuments:
    """A JSON Schema that judges documents."""

    compiled: CompiledSchema

    def violations(self, document: Any) -> tuple[Violation, ...]:
        """Why the document does not fit, empty when it does."""
        return tuple(violations(self.compiled, document))


def documents_of(item: Mapping[str, Any]) -> Documents:
    """The schema of an item of a request (``wire.py``); the libraries of its language are imported now.

    :raises UnusableSchema: it cannot judge anything.
    """
    match item.get("language", "json-schema"):
        case "avro":
            from versiqiid.core.schema.avro import compile_avro  # noqa: PLC0415 -- others need not load it

            return compile_avro(item["schema"], [schema for _, schema in item.get("references", ())])
        case "protobuf":
            from versiqiid.adapters.validation.protoc import compile_source  # noqa: PLC0415 -- as above
            from versiqiid.core.comparison import own_name  # noqa: PLC0415 -- as above
            from versiqiid.core.schema.protobuf import compile_protobuf  # noqa: PLC0415 -- as above

            imports = dict(item.get("references", ()))
            compiled = compile_source(own_name(imports), item["schema"], imports)
            return compile_protobuf(compiled, item.get("message"))
        case _:
            return JsonDocuments(compile_schema(item["schema"], formats=item["formats"], registry=item.get("remotes")))
