"""Which texts are versions, which two are the same, and which comes first, for every scheme."""

from __future__ import annotations

from datetime import date

import pytest
import semver
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version as PythonVersion

from versiqiid.core.versions import TEXT_CHARACTERS_MAX, Scheme, compare, order_key, parse
from versiqiid.errors import InvalidVersion

ACCEPTED = [
    (Scheme.SEMVER, "1.2.3", "1.2.3", ""),
    (Scheme.SEMVER, " v1.2.3-rc.1+b.5\n", "1.2.3-rc.1", "b.5"),
    (Scheme.SEMVER, "1.0.0-0a", "1.0.0-0a", ""),
    (Scheme.SEMVER, "9007199254740991.0.0", "9007199254740991.0.0", ""),
    (Scheme.PEP440, "1.0", "1", ""),
    (Scheme.PEP440, "v1.0.0", "1", ""),
    (Scheme.PEP440, "1.0RC1", "1rc1", ""),
    (Scheme.PEP440, "2!1.0.post1.dev3+Ubuntu_1", "2!1.post1.dev3", "ubuntu.1"),
    (Scheme.DATE, "2025-07-03", "2025-07-03", ""),
    (Scheme.DATE, "2025.7.3", "2025-07-03", ""),
    (Scheme.DATE, "20250703", "2025-07-03", ""),
    (Scheme.DATE, "2025.07", "2025-07", ""),
    (Scheme.DATE, "2025-07", "2025-07", ""),
    (Scheme.DATE, "2025.07.03.2", "2025-07-03.2", ""),
    (Scheme.DATE, "20240229.0", "2024-02-29.0", ""),
    (Scheme.GIT_SHA, "1B7f3e9", "1b7f3e9", ""),
    (Scheme.GIT_SHA, "a" * 40, "a" * 40, ""),
    (Scheme.GIT_SHA, "0" * 64, "0" * 64, ""),
    (Scheme.SEQUENCE, "0", "0", ""),
    (Scheme.SEQUENCE, "17", "17", ""),
]

REFUSED = [
    *((Scheme.SEMVER, text) for text in ("", "1.2", "=1.2.3", "V1.2.3", "vv1.2.3", "v 1.2.3", "01.2.3", "1.2.3-01")),
    *(
        (Scheme.SEMVER, text)
        for text in ("1.2.3-", "1.2.3+", "1.2.3-a..b", "9007199254740992.0.0", "\u0661.2.3", "1.x")
    ),
    *((Scheme.PEP440, text) for text in ("", "1.0-xyz", "latest", "1.0+", ">=1")),
    *((Scheme.DATE, text) for text in ("", "2025", "2025-7-3", "2025-07-32", "2025-02-29", "2025.13", "0999-01-01")),
    *(
        (Scheme.DATE, text)
        for text in ("2025-07.2.1", "2025.07.03.02", "2025.07-03", "25.04", "202507", "\uff12025-07-03")
    ),
    *((Scheme.GIT_SHA, text) for text in ("", "abcdef", "g" * 7, "a" * 41, "a" * 63, "a" * 65, "\uff41bcdef1")),
    *((Scheme.SEQUENCE, text) for text in ("", "01", "-1", "+1", "1.0", "1_000", "\u0663", "one")),
    *((scheme, "1" * (TEXT_CHARACTERS_MAX + 1)) for scheme in Scheme),
]

IN_ORDER = {
    # semver.org, item 11, the row of its own example
    Scheme.SEMVER: [
        "0.9.9",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1-0",
        "1.0.1",
        "1.0.10",
    ],
    # PEP 440, "Summary of permitted suffixes and relative ordering"
    Scheme.PEP440: [
        "1.dev0",
        "1.0a1.dev1",
        "1.0a1",
        "1.0b1",
        "1.0rc1",
        "1.0",
        "1.0+local",
        "1.0.post1",
        "1.1",
        "1!0.1",
    ],
    Scheme.DATE: ["2024.12.31", "2025-01", "2025-01-01", "20250101.0", "2025.1.1.1", "2025.1.1.10", "2025.01.02"],
    Scheme.SEQUENCE: ["0", "1", "2", "10", "11"],
}

IDENTIFIER = st.from_regex(r"(0|[1-9][0-9]{0,2}|[0-9]{0,2}[A-Za-z-][0-9A-Za-z-]{0,2})", fullmatch=True)
BUILD = st.from_regex(r"[0-9A-Za-z-]{1,3}(\.[0-9A-Za-z-]{1,3})?", fullmatch=True)
SMALL = st.integers(0, 3)


@st.composite
def semver_texts(draw: st.DrawFn) -> str:
    text = f"{draw(SMALL)}.{draw(SMALL)}.{draw(SMALL)}"
    identifiers = draw(st.lists(IDENTIFIER, max_size=3))
    build = draw(st.none() | BUILD)
    return text + ("-" + ".".join(identifiers) if identifiers else "") + (f"+{build}" if build else "")


@st.composite
def pep440_texts(draw: st.DrawFn) -> str:
    release = ".".join(str(part) for part in draw(st.lists(SMALL, min_size=1, max_size=4)))
    pre = draw(st.sampled_from(["", "a1", "rc1", ".dev0", "a1.dev2", ".post1", "rc2.post3"]))
    return draw(st.sampled_from(["", "1!"])) + release + pre + draw(st.sampled_from(["", "", "+l", "+1"]))


@st.composite
def date_texts(draw: st.DrawFn) -> str:
    day = draw(st.dates(date(2024, 1, 30), date(2024, 3, 3)))
    form = draw(st.sampled_from(["%Y-%m-%d", "%Y.%m.%d", "%Y%m%d", "%Y-%m", "%Y.%m"]))
    counter = draw(st.sampled_from(["", ".0", ".1", ".12"])) if "%d" in form else ""
    return day.strftime(form) + counter


TEXTS = {
    Scheme.SEMVER: semver_texts(),
    Scheme.PEP440: pep440_texts(),
    Scheme.DATE: date_texts(),
    Scheme.SEQUENCE: st.integers(0, 300).map(str),
    Scheme.GIT_SHA: st.from_regex(r"[0-9a-fA-F]{7,8}", fullmatch=True),
}


@pytest.mark.parametrize(("scheme", "text", "canonical", "build"), ACCEPTED)
def test_a_version_has_its_trimmed_text_a_canonical_form_and_a_build(
    scheme: Scheme, text: str, canonical: str, build: str
) -> None:
    version = parse(scheme, text)
    assert (version.text, version.canonical, version.build) == (text.strip(), canonical, build)
    assert version.identity == (scheme, canonical, build)


@pytest.mark.parametrize(("scheme", "text"), REFUSED)
def test_a_text_of_no_version_is_refused_with_what_was_expected(scheme: Scheme, text: str) -> None:
    with pytest.raises(InvalidVersion, match="expected") as refused:
        parse(scheme, text)
    assert scheme.value in refused.value.message
    assert len(refused.value.message) < 300
    assert refused.value.hint


@pytest.mark.parametrize("scheme", IN_ORDER)
def test_versions_stand_in_the_order_that_the_source_of_the_scheme_gives(scheme: Scheme) -> None:
    versions = [parse(scheme, text) for text in IN_ORDER[scheme]]
    for left, a in enumerate(versions):
        for right, b in enumerate(versions):
            assert compare(a, b) == (left > right) - (left < right), (a.text, b.text)
    reverse = versions[::-1]
    assert sorted(reverse, key=order_key) == versions


def test_build_metadata_makes_another_version_that_stands_at_the_same_place() -> None:
    one, other = parse(Scheme.SEMVER, "1.0.0+1"), parse(Scheme.SEMVER, "1.0.0+2")
    assert compare(one, other) == 0
    assert one != other
    assert hash(parse(Scheme.SEMVER, "v1.0.0+1")) == hash(one)
    assert parse(Scheme.SEMVER, "v1.0.0+1") == one


def test_git_names_have_no_order_and_an_abbreviation_is_not_the_full_name() -> None:
    short, full = parse(Scheme.GIT_SHA, "ABCDEF1"), parse(Scheme.GIT_SHA, "abcdef1" + "0" * 33)
    assert compare(short, full) is None
    assert order_key(short) is None
    assert short == parse(Scheme.GIT_SHA, "abcdef1")
    assert short != full
    assert [scheme for scheme in Scheme if not scheme.ordered] == [Scheme.GIT_SHA]


def test_versions_of_two_schemes_are_never_compared() -> None:
    with pytest.raises(InvalidVersion, match="cannot compare sequence version '1' with pep440 version '1'"):
        compare(parse(Scheme.SEQUENCE, "1"), parse(Scheme.PEP440, "1"))
    assert parse(Scheme.SEQUENCE, "1") != parse(Scheme.PEP440, "1")


@pytest.mark.parametrize("scheme", list(Scheme))
def test_the_canonical_form_with_its_build_reads_back_as_the_same_version(scheme: Scheme) -> None:
    @given(TEXTS[scheme])
    @settings(max_examples=60)
    def law(text: str) -> None:
        version = parse(scheme, text)
        again = parse(scheme, version.canonical + (f"+{version.build}" if version.build else ""))
        assert again == version
        assert again.canonical == version.canonical

    law()


@pytest.mark.parametrize("scheme", [scheme for scheme in Scheme if scheme.ordered])
def test_level_in_order_and_equal_in_build_is_equal_and_the_order_is_total(scheme: Scheme) -> None:
    @given(st.tuples(TEXTS[scheme], TEXTS[scheme], TEXTS[scheme]))
    @settings(max_examples=150)
    def law(texts: tuple[str, str, str]) -> None:
        a, b, c = (parse(scheme, text) for text in texts)
        a_b, b_a = compare(a, b), compare(b, a)
        assert a_b is not None
        assert b_a == -a_b
        assert (a == b) == (a_b == 0 and a.build == b.build)
        low, middle, high = sorted((a, b, c), key=order_key)
        assert compare(low, middle) != 1
        assert compare(middle, high) != 1
        assert compare(low, high) != 1

    law()


@given(semver_texts(), semver_texts())
def test_semver_order_is_the_semver_librarys_own(one: str, other: str) -> None:
    ours = compare(parse(Scheme.SEMVER, one), parse(Scheme.SEMVER, other))
    assert ours == semver.Version.parse(one).compare(other)


@given(pep440_texts(), pep440_texts())
def test_pep440_order_is_packagings_own(one: str, other: str) -> None:
    left, right = PythonVersion(one), PythonVersion(other)
    ours = compare(parse(Scheme.PEP440, one), parse(Scheme.PEP440, other))
    assert ours == (left > right) - (left < right)
