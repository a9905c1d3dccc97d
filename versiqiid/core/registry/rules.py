"""Rule sets as clients send them: checked for what every reader of them expects. Nothing here runs a rule.

The members are those of https://docs.confluent.io/platform/current/schema-registry/fundamentals/data-contracts.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

KINDS: Final = frozenset({"CONDITION", "TRANSFORM"})
MODES: Final[Mapping[str, frozenset[str]]] = {
    "domainRules": frozenset({"WRITE", "READ", "WRITEREAD"}),
    "encodingRules": frozenset({"WRITE", "READ", "WRITEREAD"}),
    "migrationRules": frozenset({"UPGRADE", "DOWNGRADE", "UPDOWN"}),
}
_ACTIONS_MAX: Final = 2  # what is done when the rule passes when writing, and when reading: "NONE,ERROR"


def fault_of(rule_set: Mapping[str, Any] | None) -> str:
    """What is wrong with a rule set, one sentence; empty when nothing is."""
    for room, modes in MODES.items():
        rules = (rule_set or {}).get(room)
        if rules is not None and not isinstance(rules, list):
            return f"{room} must be a list"
        for rule in rules or ():
            if why := _fault(rule, modes):
                return f"{room}: {why}"
    return ""


def types(rule_set: Mapping[str, Any] | None) -> frozenset[str]:
    """What the rules are written in, such as ``CEL``."""
    rules = (rule for room in MODES for rule in (rule_set or {}).get(room) or ())
    return frozenset(str(rule.get("type")) for rule in rules if isinstance(rule, dict))


def _fault(rule: Any, modes: frozenset[str]) -> str:
    if not isinstance(rule, dict):
        return "a rule is an object"
    name = rule.get("name")
    if not isinstance(name, str) or not name.strip():
        return "a rule needs a name"
    if rule.get("kind") not in (None, *KINDS):
        return f"rule {name[:80]!r}: kind must be one of {', '.join(sorted(KINDS))}"
    if rule.get("mode") not in (None, *modes):
        return f"rule {name[:80]!r}: mode must be one of {', '.join(sorted(modes))}"
    for when in ("onSuccess", "onFailure"):
        if not _is_action(rule.get(when)):
            return f"rule {name[:80]!r}: {when} must be NONE, ERROR, DLQ, or two of them for writing and reading"
    return ""


def _is_action(told: Any) -> bool:
    if told is None:
        return True
    parts = told.split(",") if isinstance(told, str) else [""] * (_ACTIONS_MAX + 1)
    return len(parts) <= _ACTIONS_MAX and all(part.strip() in ("", "NONE", "ERROR", "DLQ") for part in parts)
