"""A log checked in stretches is judged as one reader would judge it, and its roots are those of RFC 6962."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core import merkle
from versiqiid.core.audit import Claim, LogCheck
from versiqiid.core.audit_range import Row, StretchFound, check_stretch
from versiqiid.core.note import Checkpoint
from versiqiid.errors import JournalRefused

STREAMS = 7
MOST = 1100


def entry(position: int, revision: int | None = None, time: int | None = None) -> bytes:
    value = {
        "actor": {},
        "correlationId": "c",
        "data": {},
        "position": position,
        "stream": f"s{position % STREAMS}",
        "streamRevision": position // STREAMS + 1 if revision is None else revision,
        "tenant": "default",
        "time": f"2025-10-20T18:00:00.{position + 1 if time is None else time:06}Z",
        "type": "T",
    }
    return json.dumps(value, separators=(",", ":")).encode()


ENTRIES = [entry(position) for position in range(MOST)]


def root_of(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, letter by letter: nothing of ``core.merkle`` is used."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


def rows(entries: Sequence[bytes]) -> list[Row]:
    return [(data, merkle.leaf_hash(data), None) for data in entries]


def judge(entries: Sequence[bytes], claims: Sequence[Claim], stretch: int) -> LogCheck:
    check = LogCheck(claims)
    stored = rows(entries)
    for start in range(0, len(stored), stretch):
        stop = min(start + stretch, len(stored))
        check.take(check_stretch(start, stored[start:stop], check.marks(start, stop)))
    check.finish()
    return check


def claim(size: int, root: bytes | None = None, fault: str = "root") -> Claim:
    return Claim(Checkpoint("o", size, root or root_of(ENTRIES[:size])), f"checkpoint over {size}", fault)


SIZES = st.lists(st.integers(0, MOST), min_size=1, max_size=12)
STRETCHES = st.sampled_from([256, 512, 768, 8192])


@given(SIZES, STRETCHES)
def test_every_root_of_every_size_is_that_of_the_definition(sizes: list[int], stretch: int) -> None:
    check = judge(ENTRIES[: max(sizes)], [claim(size) for size in sizes], stretch)
    assert check.size == max(sizes)


@given(SIZES, STRETCHES, st.data())
def test_one_root_that_is_wrong_is_named(sizes: list[int], stretch: int, data: st.DataObject) -> None:
    wrong = data.draw(st.sampled_from(sorted(set(sizes))))
    claims = [claim(size) for size in set(sizes) - {wrong}] + [claim(wrong, bytes(32), "fork")]
    with pytest.raises(JournalRefused) as caught:
        judge(ENTRIES[: max(sizes)], claims, stretch)
    assert (caught.value.fault, caught.value.place) == ("fork", f"checkpoint over {wrong}")


def spoil(position: int, how: str) -> bytes:
    match how:
        case "revision":
            return entry(position, revision=position // STREAMS + 2)
        case "time":
            return entry(position, time=0)
        case "position":
            return entry(position + 1)
        case _:
            return ENTRIES[position][:-1]


SPOILT = st.dictionaries(
    st.integers(1, MOST - 1), st.sampled_from(["revision", "time", "position", "bytes"]), min_size=1, max_size=4
)


@given(SPOILT, STRETCHES)
def test_the_first_fault_is_told_wherever_the_stretches_end(spoilt: dict[int, str], stretch: int) -> None:
    """A stream's gap or a time that goes back may only show where two stretches meet."""
    entries = [spoil(at, spoilt[at]) if at in spoilt else data for at, data in enumerate(ENTRIES)]
    with pytest.raises(JournalRefused) as caught:
        judge(entries, [claim(MOST)], stretch)
    first = min(spoilt)
    assert caught.value.place == f"position {first}"
    assert caught.value.fault == ("entry" if spoilt[first] == "bytes" else "order")


def test_an_entry_and_what_is_stored_beside_it() -> None:
    """A wrong hash is only noted, a wrong column is the end."""
    beside = [
        (f"2025-10-20T18:00:00.{at + 1:06}Z", "T", f"s{at}", 1, "c", json.loads(data)["tenant"], None, None, None)
        for at, data in enumerate(ENTRIES[:5])
    ]
    good = [(data, merkle.leaf_hash(data), told) for data, told in zip(ENTRIES, beside, strict=False)]
    found = check_stretch(0, good, ())
    assert (found.stop, found.leaf_fault, found.fault) == (5, None, None)
    found = check_stretch(0, [*good[:2], (good[2][0], bytes(32), good[2][2]), *good[3:]], ())
    assert (found.stop, found.leaf_fault, found.fault) == (5, 2, None)
    found = check_stretch(0, [*good[:2], (good[2][0], good[2][1], good[3][2]), *good[3:]], ())
    assert found.stop == 2
    assert found.fault is not None
    assert (found.fault.refusal().fault, found.fault.refusal().place) == ("column", "position 2")
    assert str(found.fault.refusal()) == "refused: column at position 2: a column is not what the entry says"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"0", b"\xff", b'{"data":1}', ENTRIES[0] + b" ", b" " + ENTRIES[0], ENTRIES[0] * 2,
        ENTRIES[0].replace(b'"s0"', b'["s0"]'), ENTRIES[0].replace(b'"streamRevision":1', b'"streamRevision":"1"'),
        ENTRIES[0].replace(b'"data":{}', b'"data":[]'), ENTRIES[0].replace(b'"data":{}', b'"data":{"n":NaN}'),
        ENTRIES[0].replace(b'"data":{}', b'"data":' + b"[" * 100_000 + b"]" * 100_000),
    ],
)  # fmt: skip
def test_what_is_no_entry_ends_a_stretch_with_its_place(data: bytes) -> None:
    found: StretchFound = check_stretch(0, rows([data]), ())
    assert found.fault is not None
    assert (found.fault.fault, found.fault.place, found.stop) == ("entry", "position 0", 0)
