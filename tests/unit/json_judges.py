"""Small JSON Schemas, and judges of each policy, for tests of what reads what."""

from __future__ import annotations

from typing import Any

from versiqiid.core.compatibility import Judgement
from versiqiid.core.compatibility.json_schema import Defaults, JsonSchemaJudge, Policy

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
DRAFT7 = "http://json-schema.org/draft-07/schema#"

strict = JsonSchemaJudge()
lenient = JsonSchemaJudge(policy=Policy.LENIENT)
applied = JsonSchemaJudge(defaults=Defaults.APPLIED)


def obj(properties: dict[str, Any] | None = None, *required: str, **keywords: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties or {}, **keywords}
    return schema | {"required": list(required)} if required else schema


def names(judgement: Judgement) -> set[str]:
    return {difference.rule for difference in judgement.differences}
