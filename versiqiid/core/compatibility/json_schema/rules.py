"""Every difference that two JSON Schemas can have, by name: whether it is compatible, in words, and what would help.

Nothing is compared here. Names and verdicts follow Confluent's Schema Registry (``Difference.Type`` and the two sets of
compatible changes of its JSON Schema provider, https://github.com/confluentinc/schema-registry), so that a verdict can
be talked about with people who know that registry. Names under ``_OURS`` are for keywords that it does not compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Policy(StrEnum):
    """How strictly the rules are read."""

    STRICT = "STRICT"  # no document that was valid may become invalid
    LENIENT = "LENIENT"  # properties may be added to, and removed from, objects whatever their content model


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of difference.

    :ivar policies: under which it is compatible.
    :ivar message: one sentence, without its full stop.
    """

    name: str
    policies: frozenset[Policy]
    message: str
    fix: str = ""

    def compatible(self, policy: Policy) -> bool:
        return policy in self.policies


_ALWAYS: Final = frozenset(Policy)
_LENIENT: Final = frozenset({Policy.LENIENT})
_NEVER: Final[frozenset[Policy]] = frozenset()

_KEEP: Final = "keep what the earlier version took, or carry the configs over with a migration"
_CLOSE: Final = (
    "close the model (additionalProperties: false) in the version before, use the policy LENIENT, "
    "or carry the configs over with a migration"
)
_DEFAULT: Final = "do not require it, give it a default and use `defaults: applied`, or write a migration that adds it"
_OPEN: Final = "keep the property, open the model (additionalProperties: true), or write a migration that removes it"
_APPLY: Final = "use `defaults: applied` if every reader fills in defaults, or do not require it"

_TABLE: Final = (
    ("ID_CHANGED", _ALWAYS, "the $id is another", ""),
    ("TITLE_CHANGED", _ALWAYS, "the title is another", ""),
    ("DESCRIPTION_CHANGED", _ALWAYS, "the description is another", ""),
    ("DEFAULT_CHANGED", _ALWAYS, "the default is another", ""),
    ("SCHEMA_ADDED", _NEVER, "there was no constraint here, and now there is one", _KEEP),
    ("SCHEMA_REMOVED", _ALWAYS, "the constraint is gone", ""),
    ("TYPE_EXTENDED", _ALWAYS, "more types are taken", ""),
    ("TYPE_NARROWED", _NEVER, "fewer types are taken", _KEEP),
    ("TYPE_CHANGED", _NEVER, "another type is taken", _KEEP),
    ("PATTERN_ADDED", _NEVER, "a pattern is new", _KEEP),
    ("PATTERN_REMOVED", _ALWAYS, "the pattern is gone", ""),
    ("PATTERN_CHANGED", _NEVER, "the pattern is another", _KEEP),
    ("MULTIPLE_OF_ADDED", _NEVER, "multipleOf is new", _KEEP),
    ("MULTIPLE_OF_REMOVED", _ALWAYS, "multipleOf is gone", ""),
    ("MULTIPLE_OF_EXPANDED", _NEVER, "multipleOf is now a multiple of what it was", _KEEP),
    ("MULTIPLE_OF_REDUCED", _ALWAYS, "multipleOf is now a divisor of what it was", ""),
    ("MULTIPLE_OF_CHANGED", _NEVER, "multipleOf is another", _KEEP),
    ("REQUIRED_ATTRIBUTE_ADDED", _NEVER, "the property is now required and has no default", _DEFAULT),
    ("REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED", _ALWAYS, "the property is now required, with a default", _APPLY),
    ("REQUIRED_ATTRIBUTE_REMOVED", _ALWAYS, "the property is no longer required", ""),
    ("ADDITIONAL_PROPERTIES_ADDED", _ALWAYS, "other properties are now allowed", ""),
    ("ADDITIONAL_PROPERTIES_REMOVED", _LENIENT, "other properties are no longer allowed", _KEEP),
    ("ADDITIONAL_PROPERTIES_EXTENDED", _ALWAYS, "other properties may now hold anything", ""),
    ("ADDITIONAL_PROPERTIES_NARROWED", _LENIENT, "other properties may no longer hold anything", _KEEP),
    ("UNEVALUATED_PROPERTIES_ADDED", _ALWAYS, "unevaluated properties are now allowed", ""),
    ("UNEVALUATED_PROPERTIES_REMOVED", _LENIENT, "unevaluated properties are no longer allowed", _KEEP),
    ("UNEVALUATED_PROPERTIES_EXTENDED", _ALWAYS, "unevaluated properties may now hold anything", ""),
    ("UNEVALUATED_PROPERTIES_NARROWED", _LENIENT, "unevaluated properties may no longer hold anything", _KEEP),
    ("DEPENDENCY_ARRAY_ADDED", _NEVER, "the property now requires others", _KEEP),
    ("DEPENDENCY_ARRAY_REMOVED", _ALWAYS, "the property no longer requires others", ""),
    ("DEPENDENCY_ARRAY_EXTENDED", _NEVER, "the property now requires more others", _KEEP),
    ("DEPENDENCY_ARRAY_NARROWED", _ALWAYS, "the property now requires fewer others", ""),
    ("DEPENDENCY_ARRAY_CHANGED", _NEVER, "the property now requires others than before", _KEEP),
    ("DEPENDENCY_SCHEMA_ADDED", _NEVER, "the property now brings a schema with it", _KEEP),
    ("DEPENDENCY_SCHEMA_REMOVED", _ALWAYS, "the property no longer brings a schema with it", ""),
    (
        "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
        _NEVER,
        "the required property is new and has no default; what was written before need not have it",
        _DEFAULT,
    ),
    (
        "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL",
        _LENIENT,
        "the required property with a default is new, and before anything could stand under its name",
        _CLOSE,
    ),
    (
        "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
        _LENIENT,
        "the optional property is new, and before anything could stand under its name",
        _CLOSE,
    ),
    (
        "PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL",
        _ALWAYS,
        "the property is new and may hold anything, as before",
        "",
    ),
    (
        "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL",
        _NEVER,
        "the required property is new and has no default; what was written before does not have it",
        _DEFAULT,
    ),
    (
        "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL",
        _ALWAYS,
        "the required property with a default is new",
        _APPLY,
    ),
    (
        "OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL",
        _ALWAYS,
        "the optional property is new, and before nothing else could stand under its name",
        "",
    ),
    ("PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL", _ALWAYS, "the property is gone; anything may stand there now", ""),
    (
        "PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL",
        _ALWAYS,
        "the property is gone, and was never allowed",
        "",
    ),
    (
        "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL",
        _LENIENT,
        "the property is gone, and the new schema refuses properties that it does not name",
        _OPEN,
    ),
    (
        "PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        _ALWAYS,
        "the property is gone, and what it could hold is still allowed there",
        "",
    ),
    (
        "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        _LENIENT,
        "the property is gone, and not everything that it could hold is still allowed there",
        _OPEN,
    ),
    (
        "PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        _ALWAYS,
        "the property is new and takes all that could stand there before",
        "",
    ),
    (
        "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        _LENIENT,
        "the property is new and does not take all that could stand there before",
        _CLOSE,
    ),
    ("UNIQUE_ITEMS_ADDED", _NEVER, "elements must now be unique", _KEEP),
    ("UNIQUE_ITEMS_REMOVED", _ALWAYS, "elements may now repeat", ""),
    ("ADDITIONAL_ITEMS_ADDED", _ALWAYS, "more elements are now allowed", ""),
    ("ADDITIONAL_ITEMS_REMOVED", _NEVER, "more elements are no longer allowed", _KEEP),
    ("ADDITIONAL_ITEMS_EXTENDED", _ALWAYS, "further elements may now be anything", ""),
    ("ADDITIONAL_ITEMS_NARROWED", _NEVER, "further elements may no longer be anything", _KEEP),
    ("UNEVALUATED_ITEMS_ADDED", _ALWAYS, "unevaluated elements are now allowed", ""),
    ("UNEVALUATED_ITEMS_REMOVED", _NEVER, "unevaluated elements are no longer allowed", _KEEP),
    ("UNEVALUATED_ITEMS_EXTENDED", _ALWAYS, "unevaluated elements may now be anything", ""),
    ("UNEVALUATED_ITEMS_NARROWED", _NEVER, "unevaluated elements may no longer be anything", _KEEP),
    (
        "ITEM_ADDED_TO_OPEN_CONTENT_MODEL",
        _NEVER,
        "the position is new, and before any element could stand there",
        _KEEP,
    ),
    ("ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL", _ALWAYS, "the position is new and takes anything", ""),
    ("ITEM_ADDED_TO_CLOSED_CONTENT_MODEL", _ALWAYS, "the position is new, and before nothing could stand there", ""),
    ("ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL", _ALWAYS, "the position is gone; anything may stand there now", ""),
    ("ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL", _ALWAYS, "the position is gone, and was never allowed", ""),
    ("ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL", _NEVER, "the position is gone, and nothing may stand there now", _KEEP),
    (
        "ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        _ALWAYS,
        "the position is gone, and what it could hold is still allowed there",
        "",
    ),
    (
        "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        _NEVER,
        "the position is gone, and not everything that it could hold is still allowed there",
        _KEEP,
    ),
    (
        "ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        _ALWAYS,
        "the position is new and takes all that could stand there before",
        "",
    ),
    (
        "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        _NEVER,
        "the position is new and does not take all that could stand there before",
        _KEEP,
    ),
    ("ENUM_ARRAY_EXTENDED", _ALWAYS, "more values are taken", ""),
    ("ENUM_ARRAY_NARROWED", _NEVER, "fewer values are taken", _KEEP),
    ("ENUM_ARRAY_CHANGED", _NEVER, "other values are taken", _KEEP),
    ("COMBINED_TYPE_EXTENDED", _ALWAYS, "the alternatives are combined more loosely", ""),
    ("COMBINED_TYPE_CHANGED", _NEVER, "the alternatives are combined more tightly", _KEEP),
    ("PRODUCT_TYPE_EXTENDED", _NEVER, "more schemas must fit at once", _KEEP),
    ("PRODUCT_TYPE_NARROWED", _ALWAYS, "fewer schemas must fit at once", ""),
    ("SUM_TYPE_EXTENDED", _ALWAYS, "there are more alternatives", ""),
    ("SUM_TYPE_NARROWED", _NEVER, "there are fewer alternatives", _KEEP),
    ("COMBINED_TYPE_SUBSCHEMAS_CHANGED", _NEVER, "an alternative has no counterpart that takes all it took", _KEEP),
    ("NOT_TYPE_EXTENDED", _NEVER, "more is excluded", _KEEP),
    ("NOT_TYPE_NARROWED", _ALWAYS, "less is excluded", ""),
)

_OURS: Final = (
    ("FORMAT_ADDED", _LENIENT, "a format is new", _KEEP),
    ("FORMAT_REMOVED", _ALWAYS, "the format is gone", ""),
    ("FORMAT_CHANGED", _LENIENT, "the format is another", _KEEP),
    ("CONTENT_ADDED", _LENIENT, "how the text's content is to be read is new", _KEEP),
    ("CONTENT_REMOVED", _ALWAYS, "how the text's content is to be read is no longer said", ""),
    ("CONTENT_CHANGED", _LENIENT, "the text's content is to be read in another way", _KEEP),
    ("PATTERN_PROPERTY_ADDED", _LENIENT, "properties with such names may no longer hold all that they could", _CLOSE),
    ("PATTERN_PROPERTY_ADDED_IS_COVERED", _ALWAYS, "properties with such names may hold all that they could", ""),
    ("PATTERN_PROPERTY_REMOVED", _LENIENT, "properties with such names may no longer hold all that they could", _OPEN),
    ("PATTERN_PROPERTY_REMOVED_IS_COVERED", _ALWAYS, "properties with such names may hold all that they could", ""),
    ("PROPERTY_NAMES_ADDED", _NEVER, "property names are now restricted", _KEEP),
    ("PROPERTY_NAMES_REMOVED", _ALWAYS, "property names are no longer restricted", ""),
    ("CONTAINS_ADDED", _NEVER, "an element of a certain kind is now demanded", _KEEP),
    ("CONTAINS_REMOVED", _ALWAYS, "an element of a certain kind is no longer demanded", ""),
    ("CONTAINS_CHANGED", _NEVER, "elements of another kind are counted", _KEEP),
    ("CONDITION_ADDED", _NEVER, "a condition is new", _KEEP),
    ("CONDITION_REMOVED", _ALWAYS, "the condition is gone", ""),
    ("CONDITION_CHANGED", _NEVER, "the condition is another", _KEEP),
    ("DYNAMIC_REFERENCE", _NEVER, "a dynamic reference is not compared by rules", "replace $dynamicRef by $ref"),
)

_BOUNDS: Final = (
    ("MAX_LENGTH", "maxLength", True),
    ("MIN_LENGTH", "minLength", False),
    ("MAXIMUM", "maximum", True),
    ("MINIMUM", "minimum", False),
    ("EXCLUSIVE_MAXIMUM", "exclusiveMaximum", True),
    ("EXCLUSIVE_MINIMUM", "exclusiveMinimum", False),
    ("MAX_PROPERTIES", "maxProperties", True),
    ("MIN_PROPERTIES", "minProperties", False),
    ("MAX_ITEMS", "maxItems", True),
    ("MIN_ITEMS", "minItems", False),
    ("MAX_CONTAINS", "maxContains", True),
    ("MIN_CONTAINS", "minContains", False),
)


def _bound(name: str, keyword: str, *, upper: bool) -> tuple[Rule, ...]:
    """The four ways in which a limit differs."""
    looser, tighter = (_ALWAYS, ""), (_NEVER, _KEEP)
    increased, decreased = (looser, tighter) if upper else (tighter, looser)
    return (
        Rule(f"{name}_ADDED", tighter[0], f"{keyword} is new", tighter[1]),
        Rule(f"{name}_REMOVED", looser[0], f"{keyword} is gone", looser[1]),
        Rule(f"{name}_INCREASED", increased[0], f"{keyword} is higher", increased[1]),
        Rule(f"{name}_DECREASED", decreased[0], f"{keyword} is lower", decreased[1]),
    )


RULES: Final = {
    rule.name: rule
    for rule in (
        *(Rule(*row) for row in (*_TABLE, *_OURS)),
        *(rule for name, keyword, upper in _BOUNDS for rule in _bound(name, keyword, upper=upper)),
    )
}
"""Every rule by name."""

FILLED_BY_DEFAULTS: Final = frozenset(
    {"REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED", "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL"}
)
"""Compatible only for a reader that fills in defaults before it validates."""
