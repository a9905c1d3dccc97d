"""The second watcher and the passage can fail: what they are there to notice is done on purpose."""

from __future__ import annotations

import pytest

from tests.faults.fleet import ROOT, Operators, judge
from tests.faults.lookout import Lookout
from tests.faults.passage import Cut, Passage
from tests.services.consul import Consul
from tests.services.wire import call

PREFIX = f"{ROOT}/effective/"
FIRST, SECOND = b'{"serial":1}', b'{"scan":{"serial":2}}'


@pytest.mark.parametrize(
    ("before", "now", "wrong"),
    [
        (None, FIRST, None),
        (FIRST, SECOND, None),
        (SECOND, FIRST, "serial 1 after 2"),
        (FIRST, None, "it is gone"),
        (FIRST, b"", "no config"),
        (None, b"{}", "no config"),
        (FIRST, b'{"serial": 2}', "no config"),
        (FIRST, b'{"serial":2,"more":1}', "no config"),
        (FIRST, b'{"serial":true}', "no config"),
    ],
)
def test_lost_blank_and_stale_are_told(before: bytes | None, now: bytes | None, wrong: str | None) -> None:
    """And what the rule can give, newer than before, is not."""
    found = judge("prod/av/c", before, now)
    assert (found is None) if wrong is None else (found or "").startswith(wrong)


@pytest.mark.consul
def test_the_lookout_sees_what_is_done_to_consul(consul: Consul) -> None:
    """A key that goes back, one that is emptied, one that is removed: three faults. One that grows is none."""
    operators = Operators([consul.address])
    names = ("grows", "back", "blank", "gone")
    operators.put({f"effective/prod/av/{name}": SECOND for name in names})
    with Lookout([consul.address], PREFIX, judge) as lookout:
        lookout.until("all are there", lambda values: len(values) == len(names))
        operators.put({"effective/prod/av/grows": b'{"serial":3}', "effective/prod/av/back": FIRST})
        operators.put({"effective/prod/av/blank": b""})
        assert consul.call("DELETE", f"/v1/kv/{PREFIX}prod/av/gone").status == 200
        lookout.until("one is gone", lambda values: len(values) == len(names) - 1)
        assert sorted(fault.split(" ")[0] for fault in lookout.faults) == [
            f"prod/av/{name}" for name in ("back", "blank", "gone")
        ]


@pytest.mark.consul
def test_a_passage_counts_and_can_be_cut(consul: Consul) -> None:
    """Refused is an error at once; silence is one when the caller's patience is over; both end with the cut."""
    with Passage("127.0.0.1:9", consul.address) as passage:
        assert call(passage.address, "PUT", "/v1/kv/a", b"1").status == 200
        assert [(one.method, one.status) for one in passage.exchanges] == [("PUT", 200)]
        passage.cut = Cut.REFUSED
        with pytest.raises(OSError, match=r"."):
            call(passage.address, "GET", "/v1/kv/a")
        passage.cut = Cut.SILENT
        with pytest.raises(TimeoutError):
            call(passage.address, "GET", "/v1/kv/a", timeout_s=0.2)
        passage.cut = Cut.NO
        assert call(passage.address, "GET", "/v1/kv/a?raw").body == b"1"
