"""Five version schemes: which texts are versions, how they are ordered, and which ranges they are in.

The npm part follows https://github.com/npm/node-semver#ranges for the forms that the worlds use: exact, x-ranges,
``^``, ``~``, comparators, hyphens, ``||``. Everything becomes plain comparators, and the version is compared with each.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import semver
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version


class BadRange(Exception):
    """No range of its scheme."""


def parse(scheme: str, text: str) -> Any:
    """Something that orders like the version, or None when the text is no version of the scheme."""
    try:
        match scheme:
            case "semver":
                return semver.Version.parse(re.sub("^v", "", text)).replace(build=None)
            case "pep440":
                return Version(text)
            case "date":
                return dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
            case "sequence":
                return int(text) if re.fullmatch(r"0|[1-9][0-9]*", text) else None
            case "git-sha":
                return text if re.fullmatch(r"[0-9a-f]{7,40}", text) else None
    except (ValueError, TypeError, InvalidVersion):
        return None
    raise AssertionError(scheme)


def inside(scheme: str, text: str, version: str) -> bool:
    """Whether the version is in the range.

    :raises BadRange: the text is no range of the scheme; whatever the version is.
    """
    value = parse(scheme, version)
    text = text.strip()
    if scheme == "semver":
        alternatives = [comparators_of(part.strip()) for part in text.split("||")]
        if any(all(comparator == ANY for comparator in one) for one in alternatives):
            alternatives = [[ANY]]  # node-semver: "if we have any that are *, then the range is just *"
        answers = [npm(one, value) for one in alternatives]
    elif scheme == "pep440":
        answers = [specifiers(text, value)]
    else:
        answers = [plain(scheme, part.strip(), value) for part in text.split("||")] if text else [True]
    return any(answers) and value is not None


def specifiers(text: str, value: Version | None) -> bool:
    if text in ("", "*"):
        return value is not None and not value.is_prerelease
    try:
        found = SpecifierSet(text)
    except InvalidSpecifier as error:
        raise BadRange(text) from error
    named = any(Version(one.version.removesuffix(".*")).is_prerelease for one in found)
    return value is not None and found.contains(value, prereleases=named)


def plain(scheme: str, text: str, value: Any) -> bool:
    if text == "*":
        return True
    answer = True
    words = text.split()
    if not words:
        raise BadRange(text)
    for word in words:
        sign, name = re.fullmatch(r"(>=|<|)(.*)", word).groups()  # type: ignore[union-attr]
        bound = parse(scheme, name)
        if bound is None or (sign and scheme == "git-sha") or (not sign and len(words) > 1):
            raise BadRange(text)
        if value is None:
            continue
        answer &= value >= bound if sign == ">=" else value < bound if sign == "<" else value == bound
    return answer


# ---------------------------------------------------------------------------------------------------------- npm

NUMBER = r"(?:0|[1-9][0-9]*|[xX*])"
ANY = (">=", semver.Version(0))
PARTIAL = re.compile(
    rf"v?(?P<a>{NUMBER})(?:\.(?P<b>{NUMBER})(?:\.(?P<c>{NUMBER})(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?)?)?"
)


def npm(comparators: list[tuple[str, semver.Version]], value: Any) -> bool:
    if value is None or not all(holds(value, sign, bound) for sign, bound in comparators):
        return False
    if value.prerelease is None:
        return True
    return any(bound.prerelease and bound.to_tuple()[:3] == value.to_tuple()[:3] for _, bound in comparators)


def comparators_of(part: str) -> list[tuple[str, semver.Version]]:
    hyphen = re.fullmatch(r"(\S+)\s+-\s+(\S+)", part)
    if hyphen:
        low, high = hyphen.groups()
        return one(">=", low) + one("<=", high)
    found = []
    for word in re.sub(r"(\^|~|>=|<=|>|<|=)\s+", r"\1", part).split():
        sign, name = re.fullmatch(r"(\^|~|>=|<=|>|<|=|)(.*)", word).groups()  # type: ignore[union-attr]
        found += one(sign, name)
    return found or one("", "*")


def one(sign: str, name: str) -> list[tuple[str, semver.Version]]:
    """What one sign before one partial version says, as comparators with full versions."""
    found = PARTIAL.fullmatch(name)
    if not found:
        raise BadRange(name)
    numbers: list[int] = []
    for group in ("a", "b", "c"):
        if found[group] is None or found[group] in "xX*":
            break
        numbers.append(int(found[group]))
    pre = found["pre"] if len(numbers) == 3 else None
    low = first(numbers or [0], pre)
    if not numbers:
        return [("<", semver.Version(0, prerelease="0"))] if sign in ("<", ">") else [ANY]
    whole = len(numbers) == 3
    meanings = {
        "^": [(">=", low), ("<", caret_end(numbers))],
        "~": [(">=", low), ("<", after(numbers[:2]))],
        "": [("=", low)] if whole else [(">=", low), ("<", after(numbers))],
        ">": [(">", low)] if whole else [(">=", first(raised(numbers)))],
        "<=": [("<=", low)] if whole else [("<", after(numbers))],
        "<": [("<", low)] if whole else [("<", first(numbers, "0"))],
        ">=": [(">=", low)],
    }
    return meanings[sign if sign != "=" else ""]


def first(numbers: list[int], pre: str | None = None) -> semver.Version:
    """The version with these numbers, and 0 for those that are missing."""
    major, minor, patch = (*numbers, 0, 0)[:3]
    return semver.Version(major, minor, patch, pre)


def raised(numbers: list[int]) -> list[int]:
    return [*numbers[:-1], numbers[-1] + 1]


def after(numbers: list[int]) -> semver.Version:
    """The first version that no longer begins with these numbers."""
    return first(raised(numbers), "0")


def caret_end(numbers: list[int]) -> semver.Version:
    """``^``: up to the first number that is not zero; of the numbers that are there, the last when all are zero."""
    for at, number in enumerate(numbers):
        if number:
            return after(numbers[: at + 1])
    return after(numbers)


def holds(value: semver.Version, sign: str, bound: semver.Version) -> bool:
    order = value.compare(bound)
    return {"=": order == 0, ">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}[sign]
