"""The schemas that OpenAPI shares among operations: what is sent and answered, by name."""

from __future__ import annotations

from typing import Any, Final

TEXT, _INT = {"type": "string"}, {"type": "integer"}
_MAYBE_TEXT, _MAYBE_INT = {"type": ["string", "null"]}, {"type": ["integer", "null"]}


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


_VIOLATION = _object("pointer keyword message", pointer=TEXT, keyword=TEXT, message=TEXT)
_LOCATED = _object("pointer keyword message", pointer=TEXT, keyword=TEXT, message=TEXT, schemaPointer=TEXT)
_ROW = _object(
    "key revision",
    key=TEXT,
    revision=_INT,
    created=_MAYBE_TEXT,
    updated=_MAYBE_TEXT,
    value=TEXT,
    valueBase64=TEXT,
)
_MOVE = _object(
    "key",
    key=TEXT,
    fromRevision=_MAYBE_INT,
    toRevision=_MAYBE_INT,
    fromDigest=_MAYBE_TEXT,
    toDigest=_MAYBE_TEXT,
)
_REVISION = _object(
    "revision time correlationId digest",
    revision=_INT,
    time=TEXT,
    correlationId=TEXT,
    digest=_MAYBE_TEXT,
    type=TEXT,
    position=_INT,
)
_OPERATION = _object(
    "op key", op={"enum": ["set", "delete", "check"]}, key=TEXT, value=TEXT, valueBase64=TEXT, revision=_INT
)
_CASE = _object("schema document", schema={}, document={}, formats={"type": "boolean"})
SCHEMAS: Final[dict[str, Any]] = {
    "Problem": _object(
        "type title status detail code retryable",
        type={"type": "string", "format": "uri-reference"},
        title=TEXT,
        status=_INT,
        detail=TEXT,
        code={"type": "string", "description": "Stable word for programs."},
        retryable={"type": "boolean"},
        hint=TEXT,
        violations=array(_VIOLATION),
    ),
    "Listing": _object("items", items=array(_ROW), nextPageToken=TEXT),
    "Written": _object(
        "revision keys revisions correlationId",
        revision=_INT,
        keys=array(TEXT),
        revisions={"type": "object", "additionalProperties": _INT},
        correlationId=TEXT,
    ),
    "Transaction": _object("operations", operations=array(_OPERATION)),
    "Revisions": _object("items", items=array(_REVISION), nextPageToken=TEXT),
    "Entries": _object("items size", items=array({"type": "object"}), size=_INT, nextStart=_INT),
    "Moved": _object("correlationId", correlationId=TEXT, revision=_INT, moved=array(_MOVE), plan=array(_MOVE)),
    "Verdict": _object(
        "valid violations",
        valid={"type": "boolean"},
        violations=array(_LOCATED),
        bestMatch=_LOCATED,
        error=TEXT,
        schema=TEXT,
    ),
    "Check": _object(
        "family version compatible level policy findings live fixes",
        family=TEXT,
        version=_MAYBE_TEXT,
        state=TEXT,
        compatible={"type": "boolean"},
        level=TEXT,
        policy=TEXT,
        defaults=TEXT,
        formats=TEXT,
        group=_MAYBE_TEXT,
        findings=array(
            _object(
                "writer reader direction compatible basis differences",
                writer=TEXT,
                reader=TEXT,
                direction={"enum": ["backward", "forward"]},
                compatible={"type": "boolean"},
                basis={"enum": ["proof", "rules", "witness", "undecided"]},
                differenceCount=_INT,
                differences=array({"type": "object"}),
                witness={"type": ["object", "null"]},
                fixes=array(TEXT),
            )
        ),
        passed=array(_object("version reason", version=TEXT, reason=TEXT)),
        live=_object("judged broken environments", judged=_INT, broken=_INT, environments=array({"type": "object"})),
        fixes=array(TEXT),
    ),
    "Batch": _object("cases", cases=array(_CASE), remotes={"type": "object", "additionalProperties": True}),
}
