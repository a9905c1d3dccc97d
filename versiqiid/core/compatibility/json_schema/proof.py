"""The proof: jsonschema-rs's canonical form, and the only module that asks it. Experimental there, pinned here.

Of its answers only "yes" counts. A schema that it cannot bring into canonical form, and every other answer, prove
nothing. It has no work budget of its own: who cannot trust a schema asks in a process that can be ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
from jsonschema_rs.canonical import Containment, Satisfiability

from versiqiid.core.schema.compiled import in_engine_syntax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from versiqiid.core.canonical import Json
    from versiqiid.core.schema import CompiledSchema

_PATTERNS: Final = jsonschema_rs.RegexOptions(size_limit=32 << 20)  # as the deciding validator has it
_REFUSALS: Final = (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError)


def covers(new: CompiledSchema, old: CompiledSchema, remotes: Mapping[str, Json], *, formats: bool) -> bool:
    """Whether every document that fits ``old`` provably fits ``new``.

    :param formats: whether ``format`` is asserted, by both.
    """
    try:
        reader, writer = _pair(new, old, remotes, formats=formats)
        return bool(reader.covers(writer) == Containment.YES)
    except _REFUSALS:
        return False


def difference(new: CompiledSchema, old: CompiledSchema, remotes: Mapping[str, Json], *, formats: bool) -> Json | None:
    """A schema of what ``old`` takes and ``new`` refuses, as a place to look for a witness; None where there is none.

    It is a hint and nothing more: what is found there is judged by the two schemas themselves.
    """
    try:
        reader, writer = _pair(new, old, remotes, formats=formats)
        left = writer.subtract(reader)
        return None if left.satisfiability() == Satisfiability.NO else left.to_json_schema()
    except _REFUSALS:
        return None


def _pair(
    new: CompiledSchema, old: CompiledSchema, remotes: Mapping[str, Json], *, formats: bool
) -> tuple[jsonschema_rs.CanonicalSchema, jsonschema_rs.CanonicalSchema]:
    """Both canonical, in one dialect: ``true`` and ``false`` take the dialect of the other side."""
    draft = new.dialect.draft if isinstance(new.schema, dict) else old.dialect.draft
    return _canonical(new, remotes, draft, formats=formats), _canonical(old, remotes, draft, formats=formats)


def _canonical(
    compiled: CompiledSchema, remotes: Mapping[str, Json], draft: int, *, formats: bool
) -> jsonschema_rs.CanonicalSchema:
    settings: dict[str, Any] = {"offline": True, "validate_formats": formats, "pattern_options": _PATTERNS}
    schema = compiled.schema
    if not isinstance(schema, dict) or "$schema" not in schema:
        settings["draft"] = compiled.dialect.draft if isinstance(schema, dict) else draft
    if remotes:
        registry = [(uri, in_engine_syntax(compiled, value)) for uri, value in remotes.items()]
        settings["registry"] = jsonschema_rs.Registry(registry)
    return jsonschema_rs.canonicalize(in_engine_syntax(compiled, schema), **settings)
