"""Modules as keys: whole or in parts, held to their digest, and looked at in the cost of one key."""

from __future__ import annotations

import base64
import hashlib

import pytest

from versiqiid.core.impact import Impact
from versiqiid.core.keys import BindingId
from versiqiid.core.modules import PART_BYTES, MissingPart, assemble, split
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.errors import InvalidInput

LARGE = bytes(range(256)) * (4 * PART_BYTES // 256)
NAME = hashlib.sha256(LARGE).hexdigest()
HEAD = f"modules/{NAME}"
WHERE = BindingId("prod", "av", "default")


def holding(keys: dict[str, bytes]) -> Snapshot:
    snapshot = Snapshot()
    for revision, (key, raw) in enumerate(keys.items(), 1):
        snapshot.wrote(key, raw, revision)
    return snapshot


def test_a_module_of_any_number_of_parts_is_one_guard() -> None:
    """A transaction has fewer operations than a module may have parts, and the digest decides anyway."""
    reads = Reads(holding(split(LARGE)))
    assert assemble(reads, NAME) == LARGE
    assert len(split(LARGE)) > 3
    assert reads.guards == {HEAD: 1}


def test_a_change_of_any_part_asks_again() -> None:
    """Also of one that stood there when the decision was made."""
    snapshot = holding(split(LARGE))
    reads, impact = Reads(snapshot), Impact()
    assemble(reads, NAME)
    impact.remember(WHERE, reads)
    for key in split(LARGE):
        assert WHERE in impact.touched(snapshot, [key])


def test_a_missing_part_is_named_and_guarded_by_its_absence() -> None:
    keys = split(LARGE)
    del keys[f"{HEAD}/1"]
    snapshot = holding(keys)
    reads = Reads(snapshot)
    with pytest.raises(MissingPart, match=f"^{HEAD}/1$"):
        assemble(reads, NAME)
    assert reads.guards[f"{HEAD}/1"] == 0
    snapshot.wrote(f"{HEAD}/1", split(LARGE)[f"{HEAD}/1"], 9)
    assert assemble(Reads(snapshot), NAME) == LARGE


@pytest.mark.parametrize(("size", "parts"), [(1, 0), (400_000, 0), (400_001, 2), (760_000, 2), (760_001, 3)])
def test_over_400_kb_a_module_stands_in_parts_that_fit_into_a_transaction(size: int, parts: int) -> None:
    """Consul takes 512 KiB, in base64, of which a note of who wrote it is a part."""
    module = bytes(size)
    keys = split(module)
    assert len(keys) == 1 + parts
    assert all(len(base64.b64encode(raw)) < 508_000 for key, raw in keys.items() if key.count("/") == 2)
    assert assemble(Reads(holding(keys)), hashlib.sha256(module).hexdigest()) == module


def test_a_missing_module_is_named() -> None:
    reads = Reads(Snapshot())
    with pytest.raises(MissingPart, match=f"^{HEAD}$"):
        assemble(reads, NAME)
    assert reads.guards == {HEAD: 0}


@pytest.mark.parametrize(
    ("key", "raw", "told"),
    [
        (HEAD, b"\0asm", "bytes of another digest"),
        (HEAD, b'{"chunks": 0, "bytes": 1}', "'chunks' must be 1 to 256"),
        (HEAD, b'{"chunks": 1}', "exactly the fields 'chunks' and 'bytes'"),
        (HEAD, b"{", "neither the module nor a list of its parts"),
        (f"{HEAD}/0", b"other", "another size or digest together"),
    ],
)
def test_what_is_not_the_module_is_refused_until_it_is(key: str, raw: bytes, told: str) -> None:
    """What was found out is remembered only until a key of the module changes."""
    keys = split(LARGE)
    snapshot = holding(keys | {key: raw})
    for _ in range(2):
        with pytest.raises(InvalidInput, match=told):
            assemble(Reads(snapshot), NAME)
    snapshot.wrote(key, keys[key], 9)
    assert assemble(Reads(snapshot), NAME) == LARGE
