"""The Merkle tree of RFC 6962 with SHA-256: roots, proofs and their verification, as pure functions over hashes.

Nodes are kept by *tile level*: level ``L`` holds the hashes of complete subtrees of ``256**L`` leaves, which is what
C2SP ``tlog-tiles`` publishes and what a journal stores. Everything between two tile levels is computed. What an entry
looks like, how a checkpoint is signed and where nodes are stored is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves (RFC 6962, section 2.1)."""

Nodes = Callable[[int, int, int], Sequence[bytes]]
"""``nodes(level, start, stop)``: the stored hashes of one tile level, by index."""

_sha256 = hashlib.sha256


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf: SHA-256 of 0x00 and the entry."""
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256 of 0x01 and both children."""
    return _sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of sibling subtrees (at least one)."""
    row = list(hashes)
    while len(row) > 1:
        row = [_sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row), 2)]
    return row[0]


# ------------------------------------------------------------------------------------------------ growing a tree


@dataclass(frozen=True, slots=True)
class Tile:
    """A complete row of 256 hashes at one tile level; ``parent`` is its own root, one level up at the same index."""

    level: int
    index: int
    hashes: tuple[bytes, ...]
    parent: bytes


class Builder:
    """The right edge of a growing tree: appending never needs what is already complete.

    Invariant: ``rows[L]`` holds the hashes of level ``L`` from the start of its last, incomplete tile, so each row is
    shorter than 256 and ``size`` is the sum of ``len(rows[L]) * 256**L``. ``peaks[L]`` are the roots of the complete
    subtrees that the row falls into, largest first: one for each bit of its length.
    """

    __slots__ = ("_peaks", "rows", "size")

    def __init__(self, rows: Sequence[Sequence[bytes]] = ()) -> None:
        """:param rows: the right edge of an existing tree, lowest level first (see ``edge``)."""
        self.size = sum(len(row) << (TILE_HEIGHT * level) for level, row in enumerate(rows))
        self.rows: list[list[bytes]] = []
        self._peaks: list[list[bytes]] = []
        for level, row in enumerate(rows):
            for node in row:
                self._push(level, node)

    @classmethod
    def resume(cls, size: int, nodes: Nodes) -> Builder:
        """The right edge of a stored tree of this size."""
        return cls([list(nodes(level, start, stop)) for level, start, stop in edge(size)])

    def add(self, leaf: bytes) -> tuple[Tile, ...]:
        """Append one leaf hash; the tiles that it completed, lowest level first (usually none)."""
        self.size += 1
        full: tuple[Tile, ...] = ()
        level, node = 0, leaf
        while self._push(level, node) == TILE_WIDTH:
            node = self._peaks[level].pop()
            index = (self.size >> (TILE_HEIGHT * (level + 1))) - 1
            full += (Tile(level, index, tuple(self.rows[level]), node),)
            self.rows[level] = []
            level += 1
        return full

    def _push(self, level: int, node: bytes) -> int:
        """Append a node to a row and keep its peaks; the row's new length."""
        while level >= len(self.rows):
            self.rows.append([])
            self._peaks.append([])
        row, peaks = self.rows[level], self._peaks[level]
        row.append(node)
        count = len(row)
        while not count & 1:
            node = _sha256(b"\x01" + peaks.pop() + node).digest()
            count >>= 1
        peaks.append(node)
        return len(row)

    def root(self, tail: bytes | None = None) -> bytes:
        """The root of the tree as it is now, in at most one hash for each bit of its size.

        :param tail: where the leaves are subtrees themselves, the root of a smaller one that follows the last.
        """
        peaks = [peak for level in reversed(self._peaks) for peak in level]
        if tail is not None:
            peaks.append(tail)
        if not peaks:
            return EMPTY_ROOT
        root = peaks.pop()
        while peaks:
            root = node_hash(peaks.pop(), root)
        return root


def edge(size: int) -> tuple[tuple[int, int, int], ...]:
    """Where the right edge of a tree of this size is stored: ``(level, start, stop)``, lowest level first."""
    places = []
    level = 0
    while (count := size >> (TILE_HEIGHT * level)) > 0:
        places.append((level, count & ~(TILE_WIDTH - 1), count))
        level += 1
    return tuple(places)


# ----------------------------------------------------------------------------------------- roots and proofs from nodes


def root(size: int, nodes: Nodes) -> bytes:
    """The root of the first ``size`` leaves of a stored tree, reading at most 255 hashes a level."""
    return Builder.resume(size, nodes).root()


def inclusion_proof(index: int, size: int, nodes: Nodes) -> tuple[bytes, ...]:
    """The audit path ``PATH(index, D[size])`` of RFC 6962, section 2.1.1, from the leaf's sibling upwards.

    :raises ValueError: unless ``0 <= index < size``.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[tuple[int, int]] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append((middle, high))
            high = middle
        else:
            path.append((low, middle))
            low = middle
    return tuple(_range_hash(start, stop, nodes) for start, stop in reversed(path))


def consistency_proof(old: int, new: int, nodes: Nodes) -> tuple[bytes, ...]:
    """``PROOF(old, D[new])`` of RFC 6962, section 2.1.2; empty for equal sizes.

    :raises ValueError: unless ``0 < old <= new``: nothing can be proved about a tree without leaves.
    """
    if not 0 < old <= new:
        raise ValueError(f"no consistency proof from size {old} to {new}")
    path: list[tuple[int, int]] = []
    low, high, whole = 0, new, True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append((middle, high))
            high = middle
        else:
            path.append((low, middle))
            low, whole = middle, False
    if not whole:
        path.append((low, high))
    return tuple(_range_hash(start, stop, nodes) for start, stop in reversed(path))


def _split(count: int) -> int:
    """The largest power of two smaller than ``count`` (at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_hash(low: int, high: int, nodes: Nodes) -> bytes:
    """``MTH(D[low:high])`` for a range that is a subtree of the tree, complete or at its right edge."""
    count = high - low
    if count & (count - 1):
        middle = low + _split(count)
        return node_hash(_range_hash(low, middle, nodes), _range_hash(middle, high, nodes))
    level = (count.bit_length() - 1) // TILE_HEIGHT
    shift = TILE_HEIGHT * level
    return fold(nodes(level, low >> shift, high >> shift))


# --------------------------------------------------------------------------------------------------- verification


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether the path leads from the leaf hash at ``index`` to the root of a tree of ``size`` leaves.

    The rule is RFC 9162, section 2.1.3.2 (https://www.rfc-editor.org/rfc/rfc9162.html#section-2.1.3.2); a proof of any
    other length than the tree's shape asks for is refused.
    """
    if not 0 <= index < size or not _are_hashes(leaf, expected_root, *proof):
        return False
    node, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and found == expected_root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of ``new`` leaves starts with the tree of ``old`` leaves.

    The rule is RFC 9162, section 2.1.4.2, with two things said plainly that its letters get wrong or leave open: equal
    sizes need equal roots and an empty proof (and the known root when they are zero), and from a tree without leaves to
    one with leaves there is no proof (``is_extension`` knows what to do then).
    """
    if old == new >= 0:
        return not proof and old_root == new_root and (old > 0 or old_root == EMPTY_ROOT)
    if not 0 < old < new or not proof or not _are_hashes(*proof):
        return False
    path = list(proof)
    if not old & (old - 1):
        path.insert(0, old_root)
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    was = now = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            now = node_hash(now, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root


def is_extension(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """``verify_consistency``, and any tree extends the empty one if its root is right and the proof is empty.

    That last rule is from C2SP ``tlog-witness`` (https://c2sp.org/tlog-witness): an old size of 0 has an empty proof.
    """
    if old == 0 < new:
        return old_root == EMPTY_ROOT and not proof and _are_hashes(new_root)
    return verify_consistency(old, new, old_root, new_root, proof)


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
