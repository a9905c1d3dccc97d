"""Which versions a range takes in, for every scheme; npm's published cases; a naive second evaluation."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import Specifier
from packaging.version import Version as PythonVersion

from versiqiid.core.ranges import TEXT_CHARACTERS_MAX, parse_range
from versiqiid.core.versions import Scheme, parse
from versiqiid.errors import InvalidVersion

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "npm-ranges.json"


def inside(scheme: Scheme, text: str, version: str) -> bool:
    return parse_range(scheme, text).contains(parse(scheme, version))


def npm_cases(kind: str) -> list[Any]:
    if not VECTORS.is_file():
        return [pytest.param("", "", marks=pytest.mark.skip(reason=f"{VECTORS.name} is not beside the project"))]
    cases: list[Any] = json.loads(VECTORS.read_text())[kind]
    return cases


@pytest.mark.parametrize(("text", "version"), npm_cases("range-include"))
def test_a_range_of_npms_own_cases_takes_in_the_version(text: str, version: str) -> None:
    assert inside(Scheme.SEMVER, text, version)


@pytest.mark.parametrize(("text", "version"), npm_cases("range-exclude"))
def test_a_range_of_npms_own_cases_leaves_out_the_version_or_it_is_none(text: str, version: str | bool) -> None:
    judged = parse_range(Scheme.SEMVER, text)
    try:
        parsed = parse(Scheme.SEMVER, str(version))
    except InvalidVersion:
        return
    assert not judged.contains(parsed)


IN = [
    (Scheme.SEMVER, ">= 1.5  < 2 || 3.x", "3.4.5"),
    (Scheme.SEMVER, "> =1.2.3", "1.2.3"),
    (Scheme.SEMVER, "  v1.2.3  ", "1.2.3+other"),
    (Scheme.SEMVER, ">=9007199254740991.0.0", "9007199254740991.0.0"),
    (Scheme.PEP440, "", "1.0"),
    (Scheme.PEP440, "*", "1.0+local"),
    (Scheme.PEP440, ">=1.4,<2", "1.9.post1"),
    (Scheme.PEP440, "~=1.4.2", "1.4.9"),
    (Scheme.PEP440, "==1.4", "1.4.0+ubuntu1"),
    (Scheme.PEP440, "==1.*", "1.99"),
    (Scheme.PEP440, ">=2.0rc1", "2.1a1"),
    (Scheme.PEP440, ">=1,<2.0a2", "2.0a1"),
    (Scheme.DATE, "", "2025-07"),
    (Scheme.DATE, "*", "20250703"),
    (Scheme.DATE, ">=2025.07 <2026.01", "2025-07-01"),
    (Scheme.DATE, "=2025-07-03", "2025.7.3"),
    (Scheme.DATE, "2024-01-01 || > 2025-07-03", "2025-07-03.0"),
    (Scheme.DATE, ">=2025-01-01 <2025-02-01", "2025-01-31"),
    (Scheme.SEQUENCE, "*", "0"),
    (Scheme.SEQUENCE, ">=3 <7 || 9", "9"),
    (Scheme.SEQUENCE, ">2 <=7", "7"),
    (Scheme.SEQUENCE, "1 || *", "5"),
    (Scheme.GIT_SHA, "", "1b7f3e9"),
    (Scheme.GIT_SHA, "*", "1b7f3e9"),
    (Scheme.GIT_SHA, "=1B7F3E9 || abcdef1", "1b7f3e9"),
]

OUT = [
    (Scheme.SEMVER, "*", "1.0.0-rc.1"),
    (Scheme.SEMVER, "", "1.0.0-rc.1"),
    (Scheme.SEMVER, "* || 1.2.3-rc.1", "1.2.3-rc.1"),
    (Scheme.SEMVER, ">=1.5 <2", "2.0.0"),
    (Scheme.SEMVER, ">=0.0.0-0", "1.0.0-rc.1"),
    (Scheme.PEP440, "*", "1.0a1"),
    (Scheme.PEP440, "", "1.0.dev1"),
    (Scheme.PEP440, ">=1,<2", "2.0a1"),
    (Scheme.PEP440, ">=1", "1.5rc1"),
    (Scheme.PEP440, "!=1.5rc2", "1.5rc1"),
    (Scheme.PEP440, "==1.4+a", "1.4"),
    (Scheme.DATE, ">=2025.07 <2026.01", "2026-01"),
    (Scheme.DATE, "2025-07", "2025-07-01"),
    (Scheme.SEQUENCE, ">=3 <7 || 9", "8"),
    (Scheme.SEQUENCE, ">3 <3", "3"),
    (Scheme.GIT_SHA, "1b7f3e9", "1b7f3e91"),
]

REFUSED = [
    *((Scheme.SEMVER, text) for text in ("1.x.3", "=>1", "1.2.3.4", ">=1,<2", ",", "1, 2", "^", "1 -2", "latest")),
    *((Scheme.SEMVER, text) for text in ("^9007199254740991", "9007199254740992", "01", ">=1.0.0 - 2", "1.0.0 - 2 3")),
    *((Scheme.PEP440, text) for text in ("1.4", ">=1 <2", ">=1,,<2", ",", ">=1 || <0", "^1.0", "~1.0", ">=x")),
    *(
        (Scheme.DATE, text)
        for text in ("||", "2025-07 ||", ">=", "^2025-07", ">=2025-13", "> =2025-07", ">=2025-07<2026")
    ),
    *((Scheme.DATE, text) for text in (",", ">=2025-07,", "* 2025-07")),
    *((Scheme.SEQUENCE, text) for text in ("||", ">=01", "1.0", "==1", "<>1", "~1", "1 - 2", "1.x")),
    *((Scheme.GIT_SHA, text) for text in ("||", "1b7f3e9 ||", ">=1b7f3e9", "1b7f3e9 abcdef1", "HEAD", "==1b7f3e9")),
    *((scheme, "1" * (TEXT_CHARACTERS_MAX + 1)) for scheme in Scheme),
]


@pytest.mark.parametrize(("scheme", "text", "version"), IN)
def test_a_range_takes_in_what_it_says(scheme: Scheme, text: str, version: str) -> None:
    assert inside(scheme, text, version)


@pytest.mark.parametrize(("scheme", "text", "version"), OUT)
def test_a_range_leaves_out_the_rest(scheme: Scheme, text: str, version: str) -> None:
    assert not inside(scheme, text, version)


@pytest.mark.parametrize(("scheme", "text"), REFUSED)
def test_a_text_that_is_no_range_is_refused_and_never_read_as_something_else(scheme: Scheme, text: str) -> None:
    with pytest.raises(InvalidVersion) as refused:
        parse_range(scheme, text)
    assert scheme.value in refused.value.message or "too long" in refused.value.message
    assert len(refused.value.message) < 400
    assert refused.value.hint


def test_a_range_judges_only_versions_of_its_own_scheme() -> None:
    with pytest.raises(InvalidVersion, match="semver range '\\*' cannot judge sequence version '1'"):
        parse_range(Scheme.SEMVER, "*").contains(parse(Scheme.SEQUENCE, "1"))


def test_ranges_are_equal_when_their_texts_are() -> None:
    assert parse_range(Scheme.SEMVER, " ^1.2 ") == parse_range(Scheme.SEMVER, "^1.2")
    assert parse_range(Scheme.SEMVER, "^1.2") != parse_range(Scheme.SEMVER, "~1.2")


NUMBERS = st.lists(st.integers(0, 3), min_size=1, max_size=3)
SIGNS = st.sampled_from(["", "=", "<", "<=", ">", ">=", "~", "~>", "^"])


def naive(sign: str, given_numbers: list[int], core: tuple[int, int, int]) -> bool:
    """What npm's page says of one comparator on a release, told by shared beginnings instead of bounds."""
    length = len(given_numbers)
    share = list(core[:length])
    plain = {
        "": share == given_numbers,
        "=": share == given_numbers,
        "<": share < given_numbers,
        "<=": share <= given_numbers,
        ">": share > given_numbers,
        ">=": share >= given_numbers,
    }
    if sign in plain:
        return plain[sign]
    nonzero = next((at for at, number in enumerate(given_numbers, 1) if number), length)
    kept = nonzero if sign == "^" else min(length, 2)
    return share >= given_numbers and list(core[:kept]) == given_numbers[:kept]


@given(
    st.lists(st.lists(st.tuples(SIGNS, NUMBERS), min_size=1, max_size=3), min_size=1, max_size=3),
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)),
    st.sampled_from([" ", "  ", "\t"]),
)
def test_releases_are_judged_as_by_a_naive_reading_of_npms_page(
    alternatives: list[list[tuple[str, list[int]]]], core: tuple[int, int, int], joint: str
) -> None:
    written = " || ".join(
        joint.join(sign + ".".join(map(str, numbers)) for sign, numbers in comparators) for comparators in alternatives
    )
    expected = any(all(naive(sign, numbers, core) for sign, numbers in comparators) for comparators in alternatives)
    assert inside(Scheme.SEMVER, written, ".".join(map(str, core))) == expected


SPECIFIER_SIGNS = st.sampled_from([">=", "<=", ">", "<", "~=", "==", "!="])


@given(
    st.lists(st.tuples(SPECIFIER_SIGNS, st.sampled_from(["1.0", "1.1", "1.1a1", "2.0.dev1"])), max_size=3),
    st.sampled_from(["0.9", "1.0", "1.0.post1", "1.1a1", "1.1a2", "1.1", "1.2rc1", "2.0.dev1", "2.0", "2.0+x"]),
)
def test_specifiers_are_judged_one_by_one_and_a_pre_release_must_be_named(
    clauses: list[tuple[str, str]], version: str
) -> None:
    parsed = PythonVersion(version)
    named = any(sign != "!=" and PythonVersion(bound).is_prerelease for sign, bound in clauses)
    expected = (named or not parsed.is_prerelease) and all(
        Specifier(sign + bound).contains(parsed, prereleases=True) for sign, bound in clauses
    )
    assert inside(Scheme.PEP440, ",".join(sign + bound for sign, bound in clauses), version) == expected


@pytest.mark.parametrize("scheme", [Scheme.DATE, Scheme.SEQUENCE])
@given(
    alternatives=st.lists(
        st.lists(
            st.tuples(st.sampled_from(["", "=", "<", "<=", ">", ">="]), st.integers(0, 9)), min_size=1, max_size=3
        ),
        min_size=1,
        max_size=3,
    ),
    number=st.integers(0, 9),
)
def test_dates_and_sequences_are_judged_as_plain_numbers_are(
    scheme: Scheme, alternatives: list[list[tuple[str, int]]], number: int
) -> None:
    def write(value: int) -> str:
        return str(value) if scheme is Scheme.SEQUENCE else date(2024, 2, 25 + value // 2).isoformat() + f".{value}"

    compare = {"<": int.__lt__, "<=": int.__le__, ">": int.__gt__, ">=": int.__ge__}
    expected = any(
        all(compare.get(sign, int.__eq__)(number, bound) for sign, bound in comparators) for comparators in alternatives
    )
    text = "||".join(" ".join(sign + write(bound) for sign, bound in comparators) for comparators in alternatives)
    assert inside(scheme, text, write(number)) == expected
