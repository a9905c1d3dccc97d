"""Semver ranges with npm's meaning, from text to bounds and from bounds to yes or no.

The grammar and the meaning of each form follow the section "Ranges" of https://github.com/npm/node-semver (hyphen
ranges, x-ranges, tilde, caret, comparators, ``||``, pre-release rule with default options). The parser is ours because
no Python library agrees with npm's own cases; it is gated by ``../shared/vectors/npm-ranges.json``.

::

    range       := alternative ( "||" alternative )*
    alternative := partial " - " partial | comparator ( " " comparator )* | ""
    comparator  := ( "<" | ">" | "<=" | ">=" | "=" | "~" | "~>" | "^" )? " "* [v=]* partial
    partial     := x ( "." x ( "." x ( "-" prerelease )? )? )?          x := "x" | "X" | "*" | number
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from versiqiid.core.versions import Scheme, Version, parse
from versiqiid.core.versions.semantic import NUMBER_MAX
from versiqiid.core.versions.version import shown
from versiqiid.errors import InvalidVersion

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBER = r"(?:0|[1-9][0-9]*|[xX*])"
_WORD = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_PARTIAL = rf"({_NUMBER})(?:\.({_NUMBER})(?:\.({_NUMBER})(?:-({_WORD}(?:\.{_WORD})*))?)?)?"
_BUILD = re.compile(r"\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*")
_HYPHEN = re.compile(rf"([v= ]*){_PARTIAL} - ([v= ]*){_PARTIAL}")
# "> =1.2.3" is one of npm's: the space goes, and the two signs become one.
_COMPARATOR = re.compile(rf"(~>?|\^|[<>] =(?! )|[<>]=?|=|) ?([v=]*){_PARTIAL}(?= |$)")
_GROUPS = 5
_CORE_NUMBERS = 3

_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}


@dataclass(frozen=True, slots=True)
class _Partial:
    """A version whose end may be left open.

    :ivar numbers: the leading numbers that are given, 0 to 3 of them.
    :ivar gapped: a number follows an x, as in ``1.x.3``; tilde and caret do not mind, the plain forms do.
    :ivar prefix: the ``v`` and ``=`` written before it.
    """

    numbers: tuple[int, ...]
    gapped: bool
    prerelease: str
    prefix: str

    @property
    def full(self) -> bool:
        return len(self.numbers) == _CORE_NUMBERS

    def low(self) -> Version:
        """The first version it can mean."""
        return _version(*self.numbers, *(0,) * (_CORE_NUMBERS - len(self.numbers)), prerelease=self.prerelease)

    def end(self, length: int) -> Version:
        """The first version behind all that share its first ``length`` numbers, pre-releases of it excluded too."""
        head = (*self.numbers[: length - 1], self.numbers[length - 1] + 1)
        return _version(*head, *(0,) * (_CORE_NUMBERS - length), prerelease="0")


@dataclass(frozen=True, slots=True)
class _Bound:
    """One comparator over plain versions."""

    sign: str
    version: Version

    def holds(self, version: Version) -> bool:
        return _SIGNS[self.sign](version.order_key, self.version.order_key)


_Alternative = tuple[_Bound, ...]  # all hold; the empty one takes every release


def npm_range(text: str) -> Callable[[Version], bool]:
    """See :func:`versiqiid.core.ranges.parse_range`."""
    try:
        alternatives = [_alternative(part) for part in text.split("||")]
    except InvalidVersion as error:
        raise InvalidVersion(
            f"{shown(text)} is no semver range: {error.message}",
            hint="npm's forms are ^1.4, ~1.4.2, 1.x, 1.2 - 1.4, >=1.4.0 <2.0.0, A || B, and * for any release",
        ) from None
    if () in alternatives:  # npm: with "any" among them the range is just "any", so no pre-release is named either
        alternatives = [()]

    def matches(version: Version) -> bool:
        return any(_inside(alternative, version) for alternative in alternatives)

    return matches


def _inside(alternative: _Alternative, version: Version) -> bool:
    """All bounds hold, and a pre-release is one of a MAJOR.MINOR.PATCH of which some bound names a pre-release."""
    if not all(bound.holds(version) for bound in alternative):
        return False
    if not _is_prerelease(version):
        return True
    core = version.order_key[:_CORE_NUMBERS]
    return any(
        _is_prerelease(bound.version) and bound.version.order_key[:_CORE_NUMBERS] == core for bound in alternative
    )


def _alternative(text: str) -> _Alternative:
    plain = " ".join(_BUILD.sub("", text).split())
    hyphen = _HYPHEN.fullmatch(plain)
    bounds = _hyphen(hyphen) if hyphen else _comparators(plain)
    # npm reads ">=0.0.0" as "any"; it matters beside a bound that names a pre-release of 0.0.0.
    return tuple(bound for bound in bounds if (bound.sign, bound.version.canonical) != (">=", "0.0.0"))


def _comparators(text: str) -> list[_Bound]:
    bounds: list[_Bound] = []
    position = 0
    while position < len(text):
        found = _COMPARATOR.match(text, position)
        if not found:
            raise InvalidVersion(f"expected a comparator at {shown(text[position:])}")
        sign = found[1].replace(" ", "")
        partial = _partial(found.groups()[1:])
        if sign.startswith("~"):
            bounds += _tilde(partial)
        elif sign == "^":
            bounds += _caret(partial)
        else:
            bounds += _primitive(sign, _plain(partial))
        position = found.end() + 1
    return bounds


def _hyphen(found: re.Match[str]) -> list[_Bound]:
    low, high = _partial(found.groups()[:_GROUPS]), _partial(found.groups()[_GROUPS:])
    bounds: list[_Bound] = []
    if low.numbers:
        _spelt(low)
        bounds.append(_Bound(">=", low.low()))
    if high.full:
        if not high.prerelease:
            _spelt(high)
        bounds.append(_Bound("<=", high.low()))
    elif high.numbers:
        bounds.append(_Bound("<", high.end(len(high.numbers))))
    return bounds


def _tilde(partial: _Partial) -> list[_Bound]:
    """The patch may move when a minor number is given, the minor number too when it is not."""
    if not partial.numbers:
        return []
    return [_Bound(">=", partial.low()), _Bound("<", partial.end(min(len(partial.numbers), 2)))]


def _caret(partial: _Partial) -> list[_Bound]:
    """Everything may move but the first number that is not zero, and what stands before it."""
    if not partial.numbers:
        return []
    fixed = next((at for at, number in enumerate(partial.numbers, 1) if number), len(partial.numbers))
    return [_Bound(">=", partial.low()), _Bound("<", partial.end(fixed))]


def _primitive(sign: str, partial: _Partial) -> list[_Bound]:
    if partial.full:
        return [_Bound(sign or "=", partial.low())]
    if not partial.numbers:
        return [_NOTHING] if sign in ("<", ">") else []
    low, given = partial.low(), len(partial.numbers)
    match sign:
        case "<":
            bounds = [_Bound("<", _near(low, prerelease="0"))]
        case "<=":
            bounds = [_Bound("<", partial.end(given))]
        case ">":
            bounds = [_Bound(">=", _near(partial.end(given)))]
        case ">=":
            bounds = [_Bound(">=", low)]
        case _:
            bounds = [_Bound(">=", low), _Bound("<", partial.end(given))]
    return bounds


def _partial(groups: tuple[str | None, ...]) -> _Partial:
    prefix, *written, prerelease = groups
    given = [part for part in written if part]
    numbers: list[int] = []
    for part in given:
        if not part.isdigit():
            break
        numbers.append(int(part))
    gapped = any(part.isdigit() for part in given[len(numbers) :])
    full = len(numbers) == _CORE_NUMBERS
    return _Partial(tuple(numbers), gapped, (prerelease or "") if full else "", prefix or "")


def _plain(partial: _Partial) -> _Partial:
    if partial.gapped:
        raise InvalidVersion("expected no number behind an x, as in 1.x.3")
    _spelt(partial)
    return partial


def _spelt(partial: _Partial) -> None:
    """Accept, as npm does, only one ``v`` before a full version, any run of ``v`` and ``=`` before a partial one."""
    if partial.full and partial.prefix not in ("", "v"):
        raise InvalidVersion(f"expected at most one v before a full version, found {shown(partial.prefix)}")


def _version(major: int, minor: int, patch: int, *, prerelease: str = "") -> Version:
    if max(major, minor, patch) > NUMBER_MAX:
        raise InvalidVersion(f"expected numbers up to {NUMBER_MAX}")
    return parse(Scheme.SEMVER, f"{major}.{minor}.{patch}" + (f"-{prerelease}" if prerelease else ""))


def _near(version: Version, *, prerelease: str = "") -> Version:
    """The same three numbers with another pre-release, or none."""
    major, minor, patch, _ = version.order_key
    return _version(major, minor, patch, prerelease=prerelease)


def _is_prerelease(version: Version) -> bool:
    return bool(version.order_key[_CORE_NUMBERS][0] == 0)


_NOTHING = _Bound("<", _version(0, 0, 0, prerelease="0"))
