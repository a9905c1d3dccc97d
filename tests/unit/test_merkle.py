"""Roots and proofs against the vectors of others and against the definition of RFC 6962 written out naively."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.core import merkle

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "merkle-proofs.json"


def vectors(kind: str) -> list[Any]:
    if not VECTORS.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no vectors: {VECTORS.name} is not there"))]
    return [pytest.param(case, id=case["case"]) for case in json.loads(VECTORS.read_text())[kind]]


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


@pytest.mark.parametrize("case", vectors("inclusion"))
def test_inclusion_verdicts_of_transparency_dev(case: dict[str, Any]) -> None:
    proof = [raw(node) for node in case["proof"] or []]
    verdict = merkle.verify_inclusion(
        case["leafIdx"], case["treeSize"], raw(case["leafHash"]), proof, raw(case["root"])
    )
    assert verdict is not case["wantErr"]


@pytest.mark.parametrize("case", vectors("consistency"))
def test_consistency_verdicts_of_transparency_dev(case: dict[str, Any]) -> None:
    proof = [raw(node) for node in case["proof"] or []]
    verdict = merkle.verify_consistency(case["size1"], case["size2"], raw(case["root1"]), raw(case["root2"]), proof)
    assert verdict is not case["wantErr"]


# ------------------------------------------------------------------ the definitions of RFC 6962, as slow as they read


def mth(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def leaves_of(size: int) -> list[bytes]:
    return [merkle.leaf_hash(b"entry %d" % number) for number in range(size)]


class Stored:
    """The nodes of a tree as a journal keeps them, filled by a Builder."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.levels: dict[int, list[bytes]] = {0: []}
        builder = merkle.Builder()
        for leaf in leaves:
            self.levels[0].append(leaf)
            for tile in builder.add(leaf):
                row = self.levels.setdefault(tile.level + 1, [])
                assert len(row) == tile.index
                row.append(tile.parent)
        self.builder = builder

    def __call__(self, level: int, start: int, stop: int) -> list[bytes]:
        row = self.levels[level][start:stop]
        assert len(row) == stop - start
        return row


LARGE = 70_000
LARGE_LEAVES = leaves_of(LARGE)
LARGE_TREE = Stored(LARGE_LEAVES)
SIZES = st.one_of(
    st.integers(1, 600), st.integers(65_000, LARGE), st.sampled_from([255, 256, 257, 65_535, 65_536, 65_537])
)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 1100))
def test_root_is_the_one_of_the_definition(size: int) -> None:
    leaves = LARGE_LEAVES[:size]
    assert merkle.root(size, LARGE_TREE) == Stored(leaves).builder.root() == mth(leaves)


@settings(deadline=None, max_examples=10)
@given(SIZES)
def test_root_of_a_tree_over_three_tile_levels(size: int) -> None:
    assert merkle.root(size, LARGE_TREE) == mth(LARGE_LEAVES[:size])


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_inclusion_proof_is_the_one_of_the_definition_and_verifies(data: st.DataObject) -> None:
    size = data.draw(SIZES)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, LARGE_TREE)
    assert list(proof) == path(index, LARGE_LEAVES[:size])
    root = merkle.root(size, LARGE_TREE)
    assert merkle.verify_inclusion(index, size, LARGE_LEAVES[index], proof, root)


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_consistency_proof_is_the_one_of_the_definition_and_verifies(data: st.DataObject) -> None:
    new = data.draw(SIZES)
    old = data.draw(st.integers(1, new))
    proof = merkle.consistency_proof(old, new, LARGE_TREE)
    assert list(proof) == subproof(old, LARGE_LEAVES[:new], whole=True)
    roots = merkle.root(old, LARGE_TREE), merkle.root(new, LARGE_TREE)
    assert merkle.verify_consistency(old, new, *roots, proof)
    assert merkle.is_extension(old, new, *roots, proof)


def test_every_small_tree_proves_everything_and_nothing_else() -> None:
    for size in range(1, 20):
        root = merkle.root(size, LARGE_TREE)
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, LARGE_TREE)
            for claimed in range(-1, size + 2):
                holds = merkle.verify_inclusion(claimed, size, LARGE_LEAVES[index], proof, root)
                assert holds is (claimed == index)
        for old in range(1, size + 1):
            proof = merkle.consistency_proof(old, size, LARGE_TREE)
            for claimed in range(size + 1):
                claimed_root = merkle.root(claimed, LARGE_TREE)
                assert merkle.verify_consistency(claimed, size, claimed_root, root, proof) is (claimed == old)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_changed_bit_anywhere_breaks_a_proof(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 600))
    index = data.draw(st.integers(0, size - 1))
    parts = [LARGE_LEAVES[index], merkle.root(size, LARGE_TREE), *merkle.inclusion_proof(index, size, LARGE_TREE)]
    which = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, 255))
    parts[which] = (int.from_bytes(parts[which]) ^ (1 << bit)).to_bytes(32)
    assert not merkle.verify_inclusion(index, size, parts[0], parts[2:], parts[1])


def test_a_builder_resumed_from_stored_nodes_goes_on_as_if_it_had_never_stopped() -> None:
    for size in (0, 1, 255, 256, 257, 65_535, 65_536, 65_537):
        builder = merkle.Builder.resume(size, LARGE_TREE)
        assert builder.size == size
        for leaf in LARGE_LEAVES[size : size + 300]:
            builder.add(leaf)
        assert builder.root() == merkle.root(size + 300, LARGE_TREE)


def test_a_proof_reads_few_hashes_however_large_the_tree() -> None:
    read = 0

    def counting(level: int, start: int, stop: int) -> list[bytes]:
        nonlocal read
        read += stop - start
        return LARGE_TREE(level, start, stop)

    merkle.inclusion_proof(12_345, LARGE, counting)
    assert read < 3 * merkle.TILE_WIDTH


def test_size_zero() -> None:
    empty, other = merkle.EMPTY_ROOT, merkle.leaf_hash(b"")
    assert merkle.Builder().root() == merkle.root(0, LARGE_TREE) == empty
    assert merkle.verify_consistency(0, 0, empty, empty, [])
    assert not merkle.verify_consistency(0, 0, other, other, [])
    assert not merkle.verify_consistency(0, 3, empty, other, [])
    assert merkle.is_extension(0, 3, empty, other, [])
    assert not merkle.is_extension(0, 3, other, other, [])
    assert not merkle.is_extension(0, 3, empty, other, [other])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_no_proof_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_proof(index, size, LARGE_TREE)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 3)])
def test_no_consistency_proof_from_nothing_or_backwards(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no consistency proof"):
        merkle.consistency_proof(old, new, LARGE_TREE)
