"""A JSON Schema with all that it refers to as one document, and its one form. Validity is judged elsewhere.

A reference's name is the URI by which ``$ref`` names it, relative to the schema's own ``$id``. The referenced schemas
are embedded with that URI as their ``$id``, as a bundler would
(https://json-schema.org/draft/2020-12/json-schema-core#section-9.3).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urljoin

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""What a schema speaks that does not say, on this endpoint."""

_BASE: Final = "http://schema.invalid/"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_sorted = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def form_of(schema: Any, *, normal: bool) -> str:
    """The compact text; the order of members counts unless ``normal``."""
    return _encode_sorted(schema) if normal else _encode(schema)


def bundled(schema: Any, references: Sequence[tuple[str, Any]], default: str = DIALECT) -> Any:
    """One document that needs no other.

    :param references: name and parsed schema of each. :param default: what a schema speaks that does not say.
    """
    if not isinstance(schema, dict):
        return schema
    dialect = schema.get("$schema", default)
    if not references:
        return {"$schema": dialect, **schema}
    own = _id_of(schema)
    base = urljoin(_BASE, own) if own else _BASE + "root"
    room = "definitions" if "draft-0" in str(dialect) else "$defs"
    whole = {name: value for name, value in schema.items() if name not in ("$schema", "$id", "id")}
    if "$ref" in whole:  # beside a $ref earlier drafts see nothing else
        whole = {"allOf": [whole]}
    defined = dict(whole.get(room) or {}) if isinstance(whole.get(room, {}), dict) else {}
    taken: set[str] = set()
    for at, (name, document) in enumerate(references):
        address = urljoin(base, name)
        if address not in taken:
            taken.add(address)
            defined[f"reference {at}: {name}"] = _embedded(document, address, str(dialect))
    return {"$schema": dialect, "$id": base, **whole, room: defined}


def _embedded(document: Any, address: str, dialect: str) -> Any:
    if not isinstance(document, dict):
        return {"$id": address, "allOf": [document]}
    kept = {name: value for name, value in document.items() if name not in ("$id", "id")}
    if kept.get("$schema", dialect) == dialect:
        kept.pop("$schema", None)
    if "$ref" in kept:
        kept = {"allOf": [kept]}
    return {"$id": address, **kept}


def _id_of(schema: dict[str, Any]) -> str:
    found = schema.get("$id", schema.get("id", ""))
    return found if isinstance(found, str) else ""
