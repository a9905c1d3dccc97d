"""What the snapshot believes when observations and own commits cross, and when the store itself went back."""

from __future__ import annotations

from versiqiid.core.scope import Scope
from versiqiid.core.snapshot import Observation, Snapshot, Value

A, B = "policies/a", "policies/b"


def shows(snapshot: Snapshot) -> dict[str, tuple[bytes, int]]:
    return {key: (value.raw, value.revision) for key, value in snapshot.items()}


def complete(index: int, **values: int) -> Observation:
    return Observation({f"policies/{name}": Value(b"x", at) for name, at in values.items()}, (), index, complete=True)


def part(index: int, deleted: tuple[str, ...] = (), **values: int) -> Observation:
    return Observation({f"policies/{name}": Value(b"x", at) for name, at in values.items()}, deleted, index)


def listing(index: int, prefix: str, **values: int) -> Observation:
    found = {f"policies/{name}": Value(b"x", at) for name, at in values.items()}
    return Observation(found, (), index, scope=Scope(prefix))


def test_a_deletion_of_ours_survives_the_observation_of_another_part() -> None:
    """Shards report by themselves: a later index of one says nothing about the keys of another."""
    snapshot = Snapshot()
    snapshot.apply(complete(10, a=5, b=6))
    snapshot.wrote(A, None, 20)
    snapshot.apply(part(25, b=25))
    snapshot.apply(part(19, a=19))  # was on its way while the key was deleted
    assert shows(snapshot) == {B: (b"x", 25)}


def test_a_key_that_comes_back_after_our_deletion_is_taken() -> None:
    snapshot = Snapshot()
    snapshot.apply(complete(10, a=5))
    snapshot.wrote(A, None, 20)
    snapshot.apply(part(21, a=21))
    assert shows(snapshot) == {A: (b"x", 21)}


def test_a_restored_store_that_was_written_to_at_once_is_believed() -> None:
    """Its index is above what is known by then; the revisions of what was restored are below."""
    snapshot = Snapshot()
    snapshot.apply(complete(50, a=50, b=40))
    assert not snapshot.went_back(complete(51, a=50, b=51))
    assert snapshot.went_back(complete(51, a=30, b=51))
    snapshot.apply(complete(51, a=30, b=51))
    assert shows(snapshot) == {A: (b"x", 30), B: (b"x", 51)}


def test_a_restored_store_brings_back_what_we_had_deleted() -> None:
    snapshot = Snapshot()
    snapshot.apply(complete(40, a=30))
    snapshot.wrote(A, None, 50)
    snapshot.apply(complete(51, a=30, b=51))
    assert shows(snapshot) == {A: (b"x", 30), B: (b"x", 51)}


def test_an_own_commit_outlives_the_listing_that_was_made_before_it() -> None:
    snapshot = Snapshot()
    snapshot.apply(complete(10, a=5))
    snapshot.wrote(A, b"ours", 12)
    snapshot.wrote(B, b"new", 13)
    snapshot.apply(complete(11, a=5))
    assert shows(snapshot) == {A: (b"ours", 12), B: (b"new", 13)}


def test_an_own_commit_that_two_listings_do_not_show_is_gone() -> None:
    """The second was certainly made after it: somebody else undid it before the watch could see it."""
    for again in (complete(11, a=5), listing(11, "policies/", a=5)):
        snapshot = Snapshot()
        snapshot.apply(complete(10, a=5))
        snapshot.wrote(A, b"ours", 12)
        snapshot.wrote(B, b"new", 13)
        snapshot.apply(complete(11, a=5))
        snapshot.apply(again)
        assert shows(snapshot) == {A: (b"x", 5)}


def test_a_listing_of_a_part_says_what_is_gone_there_and_nowhere_else() -> None:
    snapshot = Snapshot()
    snapshot.apply(complete(10, a=5, b=6))
    snapshot.wrote("policies/ab", b"ours", 11)
    snapshot.apply(listing(12, "policies/a", a=5))
    assert shows(snapshot) == {A: (b"x", 5), B: (b"x", 6)}


def test_names_say_what_is_gone_beside_them() -> None:
    snapshot = Snapshot()
    snapshot.apply(complete(10, a=5))
    snapshot.wrote("policies/gone/x", b"ours", 11)
    snapshot.wrote("policies/there/x", b"ours", 11)
    snapshot.apply(Observation({}, (), 12, scope=Scope("policies/", frozenset({A, "policies/there/"}))))
    assert set(shows(snapshot)) == {A, "policies/there/x"}


def test_the_difference_is_told_before_it_is_made() -> None:
    """The journal records what will change; it must be what changes then."""
    snapshot = Snapshot()
    snapshot.apply(complete(10, a=5, b=6))
    snapshot.wrote(A, b"ours", 12)
    for seen in (part(13, (B,)), complete(13, a=12), listing(14, "policies/a"), complete(9, b=3)):
        assert snapshot.differences(seen) == snapshot.apply(seen)
