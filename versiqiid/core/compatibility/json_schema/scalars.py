"""Rules for texts, numbers and enumerations."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from versiqiid.core.canonical import canonical
from versiqiid.core.compatibility.json_schema.found import Found, change, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.compatibility.json_schema.model import Node


def compare_strings(old: Node, new: Node) -> Iterator[Found]:
    yield from compare_bound("MAX_LENGTH", "maxLength", old, new)
    yield from compare_bound("MIN_LENGTH", "minLength", old, new)
    yield from compare_text("PATTERN", "pattern", old, new)
    yield from compare_text("FORMAT", "format", old, new)
    yield from compare_text("CONTENT", "contentEncoding", old, new)
    yield from compare_text("CONTENT", "contentMediaType", old, new)


def compare_numbers(old: Node, new: Node) -> Iterator[Found]:
    for rule, keyword in (
        ("MAXIMUM", "maximum"),
        ("MINIMUM", "minimum"),
        ("EXCLUSIVE_MAXIMUM", "exclusiveMaximum"),
        ("EXCLUSIVE_MINIMUM", "exclusiveMinimum"),
    ):
        yield from compare_bound(rule, keyword, old, new)
    yield from _compare_multiples(old, new)
    if old.integer and not new.integer:
        yield found("TYPE_EXTENDED", new)
    elif new.integer and not old.integer:
        yield found("TYPE_NARROWED", new)


def compare_enums(old: Node, new: Node) -> Iterator[Found]:
    before, after = (frozenset(map(canonical, node.values)) for node in (old, new))
    if before == after:
        return
    if old.keyword == new.keyword == "const":
        rule = "ENUM_ARRAY_CHANGED"
    elif before < after:
        rule = "ENUM_ARRAY_EXTENDED"
    elif after < before:
        rule = "ENUM_ARRAY_NARROWED"
    else:
        rule = "ENUM_ARRAY_CHANGED"
    yield found(rule, new, new.keyword)


def compare_bound(rule: str, keyword: str, old: Node, new: Node) -> Iterator[Found]:
    """The four ways in which a limit differs. What is no number (draft-04's exclusive limits) is compared as text."""
    before, after = old.get(keyword), new.get(keyword)
    if before is None and after is None:
        return
    if before is None:
        yield found(f"{rule}_ADDED", new, keyword)
    elif after is None:
        yield found(f"{rule}_REMOVED", old, keyword)
    elif _is_number(before) and _is_number(after):
        if before != after:
            way = "INCREASED" if before < after else "DECREASED"
            yield found(f"{rule}_{way}", new, keyword, detail=change(before, after))
    elif before != after:
        yield found(f"{rule}_{'ADDED' if after else 'REMOVED'}", new, keyword)


def compare_text(rule: str, keyword: str, old: Node, new: Node) -> Iterator[Found]:
    """A text that is new, gone or another."""
    before, after = old.get(keyword), new.get(keyword)
    if before == after:
        return
    if before is None:
        yield found(f"{rule}_ADDED", new, keyword)
    elif after is None:
        yield found(f"{rule}_REMOVED", old, keyword)
    else:
        yield found(f"{rule}_CHANGED", new, keyword)


def _compare_multiples(old: Node, new: Node) -> Iterator[Found]:
    before, after = old.get("multipleOf"), new.get("multipleOf")
    if before is None and after is None:
        return
    if before is None:
        yield found("MULTIPLE_OF_ADDED", new, "multipleOf")
    elif after is None:
        yield found("MULTIPLE_OF_REMOVED", old, "multipleOf")
    elif before != after:
        exact_before, exact_after = Decimal(str(before)), Decimal(str(after))
        if _divides(exact_before, exact_after):
            rule = "MULTIPLE_OF_EXPANDED"
        elif _divides(exact_after, exact_before):
            rule = "MULTIPLE_OF_REDUCED"
        else:
            rule = "MULTIPLE_OF_CHANGED"
        yield found(rule, new, "multipleOf", detail=change(before, after))


def _divides(divisor: Decimal, number: Decimal) -> bool:
    """Exactly, as written: 0.1 divides 0.3, whatever binary fractions say. Too far apart to say: no."""
    ratio = number / divisor
    return ratio == ratio.to_integral_value() and ratio * divisor == number


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
