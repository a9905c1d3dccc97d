"""Entries: canonical bytes joined from pieces, the limit, and reading them back."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.core import journal
from versiqiid.core.journal import Facts, KeyState
from versiqiid.errors import InvalidInput, JournalRefused

TIME = "2025-10-20T18:00:00.000000Z"
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS | TEXT, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
)
OBJECTS = st.dictionaries(TEXT.filter(lambda name: name not in ("observed", "truncated")), VALUES, max_size=6)
ACTORS = st.fixed_dictionaries({"kind": TEXT, "id": TEXT, "via": TEXT})
STATES = st.builds(KeyState, TEXT, st.integers(1, 10**9), st.none() | TEXT)
FACTS = st.builds(
    Facts,
    type=st.from_regex("[A-Z][A-Za-z]{0,20}", fullmatch=True),
    stream=TEXT,
    tenant=TEXT,
    actor=ACTORS,
    correlation_id=TEXT,
    causation_id=TEXT,
    data=OBJECTS,
    consul=st.none() | OBJECTS,
    git=st.none() | OBJECTS,
    observed=st.none() | STATES,
)


def whole(facts: Facts, position: int, stream_revision: int) -> dict[str, Any]:
    """The entry as the page describes it, written out."""
    data = dict(facts.data)
    if facts.observed is not None:
        seen: dict[str, Any] = {"key": facts.observed.key, "revision": facts.observed.revision}
        data["observed"] = seen if facts.observed.digest is None else {**seen, "digest": facts.observed.digest}
    value = {
        "position": position,
        "time": TIME,
        "type": facts.type,
        "tenant": facts.tenant,
        "stream": facts.stream,
        "streamRevision": stream_revision,
        "actor": facts.actor,
        "correlationId": facts.correlation_id,
        "causationId": facts.causation_id,
        "data": data,
        "consul": facts.consul,
        "git": facts.git,
    }
    return {name: member for name, member in value.items() if member is not None}


@settings(deadline=None, max_examples=200)
@given(FACTS, st.integers(0, 2**53 - 1), st.integers(1, 2**53 - 1))
def test_joined_pieces_are_the_canonical_bytes_of_the_whole(facts: Facts, position: int, revision: int) -> None:
    rendered = journal.render(journal.template(facts), position, TIME, revision)
    assert rendered.whole is None
    assert rendered.entry == rfc8785.dumps(whole(facts, position, revision))


@settings(deadline=None, max_examples=100)
@given(FACTS, st.integers(0, 2**53 - 1), st.integers(1, 2**53 - 1))
def test_an_entry_says_of_itself_what_was_put_in(facts: Facts, position: int, revision: int) -> None:
    read = journal.read(journal.render(journal.template(facts), position, TIME, revision).entry, position)
    assert (read.position, read.time, read.stream_revision) == (position, TIME, revision)
    assert (read.type, read.tenant, read.stream) == (facts.type, facts.tenant, facts.stream)
    assert (read.correlation_id, read.observed) == (facts.correlation_id, facts.observed)


@settings(deadline=None, max_examples=40)
@given(FACTS, st.dictionaries(TEXT, st.integers(0, 40_000), min_size=1, max_size=8))
def test_a_shortened_entry_keeps_all_but_the_largest_members(facts: Facts, sizes: dict[str, int]) -> None:
    large = {name + str(number): "x" * size for number, (name, size) in enumerate(sizes.items())}
    facts = Facts(
        type=facts.type, stream=facts.stream, tenant=facts.tenant, actor=facts.actor, data=large,
        correlation_id=facts.correlation_id, causation_id=facts.causation_id, observed=facts.observed,
    )  # fmt: skip
    rendered = journal.render(journal.template(facts), 1, TIME, 1)
    expected = rfc8785.dumps(whole(facts, 1, 1))
    assert len(rendered.entry) <= journal.ENTRY_BYTES_MAX
    if len(expected) <= journal.ENTRY_BYTES_MAX:
        assert rendered == journal.Rendered(expected)
        return
    assert rendered.whole == expected
    value = json.loads(rendered.entry)
    kept = {name for name in value["data"] if name not in ("observed", "truncated")}
    gone = large.keys() - kept
    assert gone
    lengths = {name: len(rfc8785.dumps({name: text})) for name, text in large.items()}
    assert min(lengths[name] for name in gone) >= max((lengths[name] for name in kept), default=0)
    assert all(value["data"][name] == large[name] for name in kept)
    assert journal.read(rendered.entry, 1).observed == facts.observed


@pytest.mark.parametrize("entry", [b"", b"null", b"[]", b"{}", b'{"data":{}}', b"\xff", b"[" * 100_000])
def test_bytes_that_are_no_entry_are_refused(entry: bytes) -> None:
    with pytest.raises(JournalRefused) as caught:
        journal.read(entry, 7)
    assert (caught.value.fault, caught.value.place) == ("entry", "position 7")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (TIME, TIME),
        ("2025-10-20T18:00:00Z", TIME),
        ("2025-10-20T20:00:00+02:00", TIME),
        ("2025-10-20T18:00:00.5Z", "2025-10-20T18:00:00.500000Z"),
    ],
)
def test_times_have_one_spelling(text: str, normal: str) -> None:
    assert journal.normal_time(text) == normal


@pytest.mark.parametrize("text", ["", "now", "2025-10-20T18:00:00", "2025-13-01T00:00:00Z", "17"])
def test_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="time"):
        journal.normal_time(text)
