"""Paths, tiles, bundles and receipts in the public format."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.core import ed25519, merkle, note, proof, tiles
from versiqiid.core.tiles import Place
from versiqiid.errors import JournalRefused


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (Place(0, 0, 256), "tile/0/000"),
        (Place(1, 1234067, 256), "tile/1/x001/x234/067"),
        (Place(None, 273, 112), "tile/entries/273.p/112"),
        (Place(63, 1000, 1), "tile/63/x001/000.p/1"),
    ],
)
def test_paths_are_those_of_the_specification(place: Place, path: str) -> None:
    assert place.path == path


def test_a_tree_of_70000_has_the_tiles_of_the_specifications_example() -> None:
    found = [list(tiles.level_places(level, 70_000)) for level in range(tiles.levels(70_000))]
    assert [len([p for p in row if p.width == 256]) for row in found] == [273, 1, 0]
    assert [[p.width for p in row if p.width < 256] for row in found] == [[112], [17], [1]]
    assert [p.path for p in tiles.level_places(0, 70_000, 69_999)] == ["tile/0/273.p/112"]


def test_a_tree_of_256_has_a_full_tile_and_one_above_it() -> None:
    found = [p.path for level in range(tiles.levels(256)) for p in tiles.level_places(level, 256)]
    assert found == ["tile/0/000", "tile/1/000.p/1"]
    assert tiles.levels(0) == 0


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    place = Place(None, 0, len(entries))
    assert tiles.decode_bundle(tiles.encode_bundle(entries), place) == tuple(entries)


def test_the_longest_entry_fits_a_bundle() -> None:
    entry = b"x" * tiles.ENTRY_BYTES_MAX
    assert tiles.decode_bundle(tiles.encode_bundle([entry]), Place(None, 0, 1)) == (entry,)
    with pytest.raises(OverflowError):
        tiles.encode_bundle([entry + b"x"])


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x05abc", b"\x00\x01a\x00", b"\x00\x01a" * 257])
def test_a_bundle_that_is_not_whole_is_refused_with_its_path(data: bytes) -> None:
    with pytest.raises(JournalRefused) as caught:
        tiles.decode_bundle(data, Place(None, 7, 2))
    assert (caught.value.fault, caught.value.place) == ("size", "tile/entries/007.p/2")


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33), bytes(32), bytes(32 * 257)])
def test_a_tile_of_the_wrong_length_is_refused_with_its_path(data: bytes) -> None:
    with pytest.raises(JournalRefused) as caught:
        tiles.decode_tile(data, Place(0, 7, 2))
    assert (caught.value.fault, caught.value.place) == ("size", "tile/0/007.p/2")


def test_the_full_tile_or_bundle_stands_in_for_a_partial_one_and_nothing_else_does() -> None:
    """What is beyond the width is under no checkpoint that names this partial one."""
    assert tiles.decode_tile(bytes(32 * 256), Place(0, 0, 2)) == (bytes(32),) * 2
    assert tiles.decode_bundle(b"\x00\x01a" * 256, Place(None, 0, 1)) == (b"a",)
    with pytest.raises(JournalRefused, match=r"size at tile/0/000\.p/2: expected 2 hashes, found 3"):
        tiles.decode_tile(bytes(96), Place(0, 0, 2))
    with pytest.raises(JournalRefused, match=r"size at tile/entries/000\.p/1: expected 1 entries, found 2"):
        tiles.decode_bundle(b"\x00\x01a\x00\x01b", Place(None, 0, 1))


# --------------------------------------------------------------------------------------------------------- receipts

SEED = bytes(range(32))
KEY = note.VerifierKey("example.com/log", ed25519.public_key(SEED))
ENTRIES = [b"entry %d" % number for number in range(11)]


def nodes(level: int, start: int, stop: int) -> list[bytes]:
    assert level == 0
    return [merkle.leaf_hash(entry) for entry in ENTRIES[start:stop]]


def receipt(index: int = 4) -> bytes:
    text = note.Checkpoint(KEY.name, len(ENTRIES), merkle.root(len(ENTRIES), nodes)).text()
    signed = note.signed(text, KEY, ed25519.sign(SEED, text))
    return proof.Receipt(index, merkle.inclusion_proof(index, len(ENTRIES), nodes), signed).encode()


def test_a_receipt_proves_its_entry_and_no_other() -> None:
    for index, entry in enumerate(ENTRIES):
        data = receipt(index)
        assert proof.verify_receipt(data, entry, [KEY])[0] == index
        assert proof.parse_receipt(data).encode() == data
        with pytest.raises(JournalRefused) as caught:
            proof.verify_receipt(data, entry + b"!", [KEY])
        assert (caught.value.fault, caught.value.place) == ("proof", f"position {index}")


def test_a_receipt_has_the_lines_of_the_specification() -> None:
    head, _, checkpoint = receipt().partition(b"\n\n")
    lines = head.decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 4"]
    assert len(lines) == 2 + 4
    assert note.verify_checkpoint(checkpoint, [KEY], "checkpoint").size == len(ENTRIES)


def test_the_receipt_of_a_single_entry_has_no_hashes() -> None:
    data = proof.Receipt(0, (), b"note").encode()
    assert data == b"c2sp.org/tlog-proof@v1\nindex 0\n\nnote"
    assert proof.parse_receipt(data).hashes == ()


def test_extra_data_is_skipped() -> None:
    data = receipt().replace(b"\nindex", b"\nextra AAAA\nindex")
    assert proof.verify_receipt(data, ENTRIES[4], [KEY])[0] == 4


@settings(max_examples=200)
@given(st.data())
def test_no_changed_byte_of_a_receipt_goes_unnoticed(data: st.DataObject) -> None:
    changed = bytearray(receipt())
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(JournalRefused):
        proof.verify_receipt(bytes(changed), ENTRIES[4], [KEY])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"c2sp.org/tlog-proof@v2\nindex 1\n\nnote",
        b"c2sp.org/tlog-proof@v1\n\nnote",
        b"c2sp.org/tlog-proof@v1\nindex 01\n\nnote",
        b"c2sp.org/tlog-proof@v1\nindex -1\n\nnote",
        b"c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nnote",
        b"c2sp.org/tlog-proof@v1\nindex 1\n!\n\nnote",
        b"c2sp.org/tlog-proof@v1\nindex \xff\n\nnote",
        b"c2sp.org/tlog-proof@v1\nindex 1\n" + b"A" * 43 + b"=\n",
        b"c2sp.org/tlog-proof@v1\nindex 1\n" + (b"A" * 43 + b"=\n") * 64 + b"\nnote",
    ],
)
def test_bytes_that_are_no_receipt_are_refused(data: bytes) -> None:
    with pytest.raises(JournalRefused) as caught:
        proof.parse_receipt(data)
    assert caught.value.fault == "format"
