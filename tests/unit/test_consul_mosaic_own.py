"""What this process wrote itself is told like everything else, and is no reason to ask again soon."""

from __future__ import annotations

from versiqiid.adapters.consul.mosaic import Answered, Listed, Mosaic, Own
from versiqiid.core.cursor import Pace
from versiqiid.core.retry import Backoff
from versiqiid.core.shards import Kind, Sizes
from versiqiid.ports import Batch, Entry

PAUSE = Backoff(first_s=8.0, most_s=64.0)
OURS = Own(range(100, 200), PAUSE)
"""Whatever has an index of 100 to 199."""

PACE = Pace()


def asked(mosaic: Mosaic, entries: dict[str, int], index: int, own: Own = OURS) -> tuple[list[str], float]:
    """The shard of the whole has answered: what is told as changed or gone, and how long it waits then."""
    (piece,) = mosaic.pieces.values()
    found = {key: Entry(key, b"%d" % revision, revision) for key, revision in sorted(entries.items())}
    events, delays = mosaic.take([(piece, Answered(found, index, early=index > 10))], PACE, now=0, dice=0.999, own=own)
    batches = [event for event in events if isinstance(event, Batch)]
    told = [key for batch in batches for key in (*(entry.key for entry in batch.changed), *batch.deleted)]
    return told, delays[piece.query]


def begun() -> Mosaic:
    mosaic = Mosaic("t/")
    asked(mosaic, {"t/a": 5, "t/b": 10}, 10)
    return mosaic


def test_own_commits_are_told_and_make_the_query_pause_ever_longer() -> None:
    mosaic = begun()
    told, first = asked(mosaic, {"t/a": 5, "t/b": 101}, 101)
    again, second = asked(mosaic, {"t/a": 102, "t/b": 101}, 102)
    assert (told, again) == (["t/b"], ["t/a"])
    assert PAUSE.first_s / 2 <= first < second <= PAUSE.most_s


def test_what_others_wrote_is_asked_on_for_at_once_also_beside_own_commits() -> None:
    mosaic = begun()
    asked(mosaic, {"t/a": 5, "t/b": 101}, 101)
    told, pause = asked(mosaic, {"t/a": 50, "t/b": 110}, 110)
    assert told == ["t/a", "t/b"]
    assert pause == 0
    _, after = asked(mosaic, {"t/a": 50, "t/b": 111}, 111)
    assert after <= PAUSE.first_s, "the pauses start afresh"


def test_own_deletions_pause_and_those_of_others_do_not() -> None:
    mosaic = begun()
    assert asked(mosaic, {"t/a": 5}, 120)[0] == ["t/b"]
    mosaic = begun()
    _, ours = asked(mosaic, {"t/a": 5}, 120)
    mosaic = begun()
    _, theirs = asked(mosaic, {"t/a": 5}, 20)
    assert ours >= PAUSE.first_s / 2
    assert theirs == 0


def test_answers_that_bring_nothing_at_all_pause_as_before() -> None:
    mosaic = begun()
    (piece,) = mosaic.pieces.values()
    held = dict(piece.held)
    _, delays = mosaic.take([(piece, Answered(held, 130, early=True))], PACE, now=0, dice=0.999, own=OURS)
    assert 0 < delays[piece.query] <= PACE.unchanged.first_s


def test_names_that_only_own_commits_woke_pause_too() -> None:
    mosaic = Mosaic("t/", Sizes(whole=1500, split=1000, merge=100))
    (piece,) = mosaic.pieces.values()
    entries = {key: Entry(key, b"x", 9) for key in ("t/a/1", "t/a/2", "t/b/1", "t/b/2", "t/c/1", "t/c/2")}
    mosaic.take([(piece, Answered(entries, 10, early=False))], PACE, now=0, dice=0)
    mosaic.replan(64)
    point = next(piece for query, piece in mosaic.pieces.items() if query.kind is Kind.NAMES and query.prefix == "t/")

    def listed(index: int) -> float:
        answer = Listed(("t/a/", "t/b/", "t/c/"), index, early=index > 10)
        return mosaic.listed(point, answer, PACE, now=0, dice=0.999, queries_max=64, own=OURS)[1]

    listed(10)
    theirs, ours = listed(20), listed(101)
    assert theirs <= PACE.unchanged.most_s < PAUSE.first_s / 2 <= ours
