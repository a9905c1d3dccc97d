"""A picture that grows: cut as soon as it is over its size, however slowly it came there."""

from __future__ import annotations

from versiqiid.adapters.consul.mosaic import Answered, Mosaic
from versiqiid.core.cursor import Pace
from versiqiid.core.shards import Kind, Query, Sizes
from versiqiid.ports import Entry

SIZES = Sizes(whole=20_000, split=4_000, merge=1_000)
"""A key counts for 500 and a little."""

MANY = 64


def told(mosaic: Mosaic, keys: list[str], index: int) -> None:
    """Every shard has answered with what it holds of these keys, written one after the other."""
    tree = {key: Entry(key, b"x", at) for at, key in enumerate(keys, start=1)}
    answers = []
    for piece in mosaic.pieces.values():
        if piece.query.kind is not Kind.NAMES:
            mine = {key: tree[key] for key in sorted(tree) if piece.query.holds(key)}
            answers.append((piece, Answered(mine, index, early=True)))
    mosaic.take(answers, Pace(), now=0, dice=0)
    mosaic.replan(MANY)


def test_a_tree_that_grows_by_single_keys_is_cut_once_it_is_over_its_size() -> None:
    """Each step is far below any factor by which a shard could be said to have grown since it was looked at last."""
    mosaic = Mosaic("t/", SIZES)
    keys: list[str] = []
    for number in range(60):
        keys.append(f"t/{'abcdef'[number % 6]}/{number:02}")
        told(mosaic, keys, len(keys))
    assert not mosaic.cover.is_whole


def test_a_shard_of_one_directory_that_grows_by_single_keys_is_cut_too() -> None:
    mosaic = Mosaic("t/", SIZES)
    keys = [f"t/{room}/{number:02}" for room in "abcdef" for number in range(7)]
    told(mosaic, keys, len(keys))
    assert (Query("t/c/", Kind.SUBTREE) in mosaic.cover.queries) or (Query("t/c", Kind.SUBTREE) in mosaic.cover.queries)
    for number in range(7, 60):
        keys.append(f"t/c/{number:02}")
        told(mosaic, keys, len(keys))
    assert all(piece.load <= SIZES.split * 1.5 for piece in mosaic.pieces.values())


def test_a_shard_that_cannot_be_cut_is_not_looked_at_again_until_it_has_grown() -> None:
    """Weighing all keys of a heavy shard at each change would cost what cutting is to save."""
    mosaic = Mosaic("t/", SIZES)
    keys = [f"t/{number:02}" for number in range(60)]
    looks = []
    weights = mosaic._weights
    mosaic._weights = lambda query: looks.append(query) or weights(query)  # type: ignore[method-assign, func-returns-value]
    for more in range(10):
        tree = {key: Entry(key, b"x", at) for at, key in enumerate([*keys, *keys[:more]], start=1)}
        (piece,) = mosaic.pieces.values()
        mosaic.take([(piece, Answered(tree, 100 + more, early=True))], Pace(), now=0, dice=0)
        mosaic.replan(1)
    assert len(looks) <= 1
