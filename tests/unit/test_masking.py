"""What others say of a document, without what stands in it; and addresses without what opens them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.document import Json
from versiqiid.core.masking import masked
from versiqiid.core.provenance import read_annotation, without_credentials

words = st.text("abcXYZ019 -", min_size=4, max_size=9).filter(lambda text: len(text.strip()) >= 4)
documents = st.recursive(
    words | st.integers(1000, 10**9) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("~/ab", max_size=3), inner, max_size=3),
    max_leaves=6,
)


def leaves(value: Json) -> list[str]:
    if isinstance(value, dict | list):
        return [leaf for inner in (value.values() if isinstance(value, dict) else value) for leaf in leaves(inner)]
    return [] if value is None or isinstance(value, bool) else [str(value).strip()]


@given(documents)
def test_no_value_is_left_in_a_sentence_that_quotes_them_all(document: Json) -> None:
    """Whatever the document holds; the places instead hold letters and digits of names and positions only."""
    text = masked(" | ".join(f"bad: {leaf}!" for leaf in leaves(document)), document)
    assert all(leaf not in text for leaf in leaves(document))


def test_a_value_becomes_the_place_where_it_stands() -> None:
    """The longest first, so that no part of one is left; what is short, or no value, stays as it is."""
    document = {"db": {"password": "hunter2!", "user/name": "hunter2", "port": 54321, "on": True, "x": "ab"}}
    told = masked("hunter2! of hunter2 at 54321 with ab and True", document)
    assert told == "‹/db/password› of ‹/db/user~1name› at ‹/db/port› with ab and True"
    assert masked("nothing of it", document) == "nothing of it"


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://ci:token@git.example/a.git", "https://git.example/a.git"),
        ("https://token@git.example:8443/a@b/c", "https://git.example:8443/a@b/c"),
        ("https://git.example/a@b", "https://git.example/a@b"),
        ("git@git.example:a.git", "git@git.example:a.git"),
        ("group/project", "group/project"),
    ],
)
def test_an_address_is_kept_without_what_opens_it(address: str, kept: str) -> None:
    assert without_credentials(address) == kept
    assert read_annotation(f'{{"repository": "{address}"}}'.encode()) == {"repository": kept}
