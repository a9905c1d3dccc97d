"""Settings of the protocol: compatibility and what belongs to it, and modes; of one subject and of all. Values only.

What a family's document has a field for stands there (``compatibility``, ``policy``, ``group``); the rest is kept in
records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from versiqiid.core.compatibility import Level

LEVEL_DEFAULT: Final = Level.BACKWARD
"""What the protocol promises where nobody said anything."""

MODES: Final = ("READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT", "FORWARD")
MODE_DEFAULT: Final = "READWRITE"
POLICIES: Final = ("STRICT", "LENIENT")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


FIELDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "compatibilityLevel": lambda value: value in Level.__members__,
    "compatibilityPolicy": lambda value: value in POLICIES,
    "compatibilityGroup": _is_text,
    "normalize": _is_flag,
    "validateFields": _is_flag,
    "alias": _is_text,
    "defaultMetadata": _is_object,
    "overrideMetadata": _is_object,
    "defaultRuleSet": _is_object,
    "overrideRuleSet": _is_object,
}
"""What a setting may hold, as it is told; whoever sets it says ``compatibility`` for the level."""

FAMILY_FIELDS: Final[Mapping[str, str]] = {
    "compatibilityLevel": "compatibility",
    "compatibilityPolicy": "policy",
    "compatibilityGroup": "group",
}
"""Which fields of the setting of a subject are its family's own."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One subject's setting or the one of all subjects; fields that are not there were not set."""

    fields: Mapping[str, Any]

    def under(self, wider: Setting) -> Setting:
        """What holds where this one leaves something to a wider one."""
        return Setting({**wider.fields, **self.fields})

    @property
    def level(self) -> Level:
        return Level(self.fields.get("compatibilityLevel", LEVEL_DEFAULT))

    @property
    def policy(self) -> str:
        return str(self.fields.get("compatibilityPolicy", POLICIES[0]))

    @property
    def group(self) -> str | None:
        """The metadata property whose value says which versions are compared with each other."""
        return self.fields.get("compatibilityGroup") or None

    @property
    def merges(self) -> bool:
        """Whether a schema gets metadata or rules that are not its own."""
        rooms = ("defaultMetadata", "overrideMetadata", "defaultRuleSet", "overrideRuleSet")
        return any(self.fields.get(room) for room in rooms)

    @property
    def alias(self) -> str | None:
        """The subject that is meant when somebody speaks of this one."""
        return self.fields.get("alias") or None

    @property
    def normalize(self) -> bool:
        return bool(self.fields.get("normalize", False))

    @property
    def validates_fields(self) -> bool:
        """Whether names that are reserved must be kept free."""
        return bool(self.fields.get("validateFields", False))

    def metadata(self, own: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """A schema's metadata between the default and the override."""
        return _merged(_merged(self.fields.get("defaultMetadata"), own), self.fields.get("overrideMetadata"))

    def rule_set(self, own: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """A schema's rules between the default and the override; rules of one name replace each other."""
        default, override = self.fields.get("defaultRuleSet"), self.fields.get("overrideRuleSet")
        return _merged_rules(_merged_rules(default, own), override)


def _merged(first: Mapping[str, Any] | None, then: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if not first or not then:
        return then or first
    both = {name: _joined(first.get(name), then.get(name)) for name in {**first, **then}}
    return {name: value for name, value in both.items() if value is not None}


def _joined(first: Any, then: Any) -> Any:
    """What is named on one side only stays; lists (tags, sensitive properties) are put together."""
    if isinstance(first, dict) and isinstance(then, dict):
        return {name: _joined(first.get(name), then.get(name)) for name in {**first, **then}}
    if isinstance(first, list) and isinstance(then, list):
        return first + [each for each in then if each not in first]
    return first if then is None else then


def _merged_rules(first: Mapping[str, Any] | None, then: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if not first or not then:
        return then or first
    both = {}
    for kind in {**first, **then}:
        rules = [*(first.get(kind) or ()), *(then.get(kind) or ())]
        named = {str(rule.get("name") if isinstance(rule, dict) else rule): rule for rule in rules}
        if named:
            both[kind] = list(named.values())
    return both
