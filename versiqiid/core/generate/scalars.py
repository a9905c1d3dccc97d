"""Numbers and strings that a plain schema allows: the bounds and their neighbours, and random ones between."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from versiqiid.core.canonical import INTEGER_MAX
from versiqiid.core.generate.expressions import matching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json
    from versiqiid.core.generate.dice import Dice

LENGTH_MAX = 400
"""Characters of the longest string that is made unasked. Arbitrary."""
DEMANDED_MAX = 10_000
"""The same where the schema demands more: what it demands beyond is not made. Arbitrary."""
_RANDOM_MAX = 24

_STRINGS = ("", "a", "text", "é", "\U0001d518", "a/b~c", 'say "\\"', "\u0001", "true", "0", " x ")
_FLOATS = (0.5, -0.5, 0.1, 1e-7, 1.5, 123456.789, 1e21, -1e21)
_FORMATS = {
    "date": ("2024-02-29", "1999-12-31"),
    "date-time": ("2024-02-29T12:00:00Z", "1999-12-31T23:59:59.5+01:00"),
    "time": ("12:00:00Z", "23:59:59.5+01:00"),
    "duration": ("P1D", "PT0.5S", "P1Y2M3DT4H5M6S"),
    "email": ("a@example.com", "first.last+tag@example.org"),
    "idn-email": ("a@example.com",),
    "hostname": ("example.com", "a"),
    "idn-hostname": ("example.com",),
    "ipv4": ("127.0.0.1", "255.255.255.255"),
    "ipv6": ("::1", "2001:db8::ff00:42:8329"),
    "uri": ("https://example.com/a?b=c#d", "urn:a:b"),
    "uri-reference": ("https://example.com/a", "a/b"),
    "iri": ("https://example.com/é",),
    "iri-reference": ("é/a",),
    "uri-template": ("https://example.com/{id}",),
    "uuid": ("00000000-0000-0000-0000-000000000000", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
    "json-pointer": ("", "/a/0/b~1c"),
    "relative-json-pointer": ("0", "1/a"),
    "regex": ("^a+$", ".*"),
}


def number_boundaries(plain: dict[str, Any], *, whole: bool) -> Iterator[Json]:
    """The least and the most that is allowed, their neighbours, and well-known numbers between; nearest to 0 first."""
    low, high = _bounds(plain)
    step = _step(plain, whole=whole)
    known: list[Decimal] = [Decimal(0), Decimal(1), Decimal(-1)]
    known += [Decimal(INTEGER_MAX), Decimal(-INTEGER_MAX)] if whole else [Decimal(str(each)) for each in _FLOATS]
    for bound in (low, high):
        if bound is not None:
            near = step if step is not None else Decimal("0.5")
            known += [bound, bound + near, bound - near]
    fitting = {_on_step(each, step, low) for each in known}
    for value in sorted(fitting, key=lambda each: (abs(each), each)):
        if _allows(value, low, high, plain):
            yield _json(value)


def number(plain: dict[str, Any], dice: Dice, *, whole: bool) -> Json:
    """A number between the bounds, often a boundary."""
    boundaries = list(number_boundaries(plain, whole=whole))
    if boundaries and dice.one_in(2):
        return dice.pick(boundaries)
    low, high = _bounds(plain)
    least = low if low is not None else min(Decimal(-1000), (high or Decimal(0)) - 1000)
    most = high if high is not None else max(Decimal(1000), least + 1000)
    parts = 10**9
    at = least + (most - least) * dice.below(parts + 1) / parts
    value = _on_step(at if whole else round(at, dice.below(6)), _step(plain, whole=whole), low)
    return _json(value) if _allows(value, low, high, plain) or not boundaries else dice.pick(boundaries)


def string_boundaries(plain: dict[str, Any]) -> Iterator[str]:
    """What the format or pattern names, the shortest and longest, and characters that readers stumble over."""
    least, most = _lengths(plain)
    pattern = plain.get("pattern")
    if isinstance(pattern, str):
        yield from (text for text in matching(pattern) if least <= len(text) <= most)
        return
    yield from (text for text in _FORMATS.get(plain.get("format", ""), ()) if least <= len(text) <= most)
    yield "a" * least
    yield from (text for text in _STRINGS if least <= len(text) <= most)
    if LENGTH_MAX >= most > least:
        yield "z" * most


def string(plain: dict[str, Any], dice: Dice) -> str:
    """A string within the lengths, often a boundary."""
    least, most = _lengths(plain)
    if isinstance(plain.get("pattern"), str):
        tries = (text for text in matching(plain["pattern"], dice, count=4) if least <= len(text) <= most)
        return next(tries, "")
    boundaries = list(string_boundaries(plain))
    if boundaries and (dice.one_in(2) or "format" in plain):
        return dice.pick(boundaries)
    length = dice.between(least, max(least, min(most, least + 12)))
    made = "".join(dice.pick("abcdefgxyzABC0189-_. é\U0001d518") for _ in range(min(length, _RANDOM_MAX)))
    return made + "b" * (length - len(made))


def _lengths(plain: dict[str, Any]) -> tuple[int, int]:
    return min(int(plain.get("minLength", 0)), DEMANDED_MAX), int(plain.get("maxLength", 1 << 30))


def _bounds(plain: dict[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    lows = [Decimal(str(plain[name])) for name in ("minimum", "exclusiveMinimum") if _is_number(plain.get(name))]
    highs = [Decimal(str(plain[name])) for name in ("maximum", "exclusiveMaximum") if _is_number(plain.get(name))]
    return max(lows, default=None), min(highs, default=None)


def _allows(value: Decimal, low: Decimal | None, high: Decimal | None, plain: dict[str, Any]) -> bool:
    if (low is not None and value < low) or (high is not None and value > high):
        return False
    excluded = [plain.get(name) for name in ("exclusiveMinimum", "exclusiveMaximum")]
    return not any(_is_number(each) and value == Decimal(str(each)) for each in excluded)


def _step(plain: dict[str, Any], *, whole: bool) -> Decimal | None:
    """What a number must be a multiple of, None for any."""
    divisor = plain.get("multipleOf")
    if divisor is not None and _is_number(divisor) and divisor > 0:
        step = Decimal(str(divisor))
        return step if not whole or step == step.to_integral_value() else step * step.as_integer_ratio()[1]
    return Decimal(1) if whole else None


def _on_step(value: Decimal, step: Decimal | None, low: Decimal | None) -> Decimal:
    if step is None:
        return value
    rounding = ROUND_CEILING if low is not None and value <= low else ROUND_FLOOR
    return (value / step).to_integral_value(rounding=rounding) * step


def _json(value: Decimal) -> Json:
    """As JSON: whole numbers within reach as integers, anything else as a double."""
    if value == value.to_integral_value() and abs(value) <= INTEGER_MAX:
        return int(value)
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
