"""Compatibility of JSON Schemas, draft-04 to 2020-12.

``judge.py`` combines three sources of a verdict: ``proof.py`` asks jsonschema-rs's canonical form, ``witness.py`` looks
for a document that shows the contrary, and ``compare.py`` applies the rules of ``rules.py`` to the shape that
``model.py`` gives a schema.
"""

from versiqiid.core.compatibility.json_schema.judge import Defaults, JsonSchemaJudge
from versiqiid.core.compatibility.json_schema.rules import RULES, Policy, Rule

__all__ = ["RULES", "Defaults", "JsonSchemaJudge", "Policy", "Rule"]
