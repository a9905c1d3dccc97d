"""What goes into one transaction: within the limits as Consul counts them, each check once, nothing crossing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from versiqiid.adapters.consul.transaction import encode
from versiqiid.core.keys import DriftKey
from versiqiid.core.status import Cause
from versiqiid.engine.changes import Change, Claims, Load, Output, parcel
from versiqiid.engine.workqueue import Work
from versiqiid.engine.writer import RESERVED_OPERATIONS
from versiqiid.ports import Check, Held, SessionId, Set, StoreLimits

ROOT = "versiqii"
KEYS = [f"configs/av/1.0.0/{'x' * (n % 40)}{n}" for n in range(60)]


def change(number: int, guards: dict[str, int], sizes: list[int], revision: int) -> Change:
    """An item that writes keys of its own, of these sizes (0 = removes it), after a look at the guards."""
    outputs = tuple(
        Output(f"status/prod/av/c{number}-{at}", b"v" * size or None, revision if not size else at)
        for at, size in enumerate(sizes)
    )
    work = Work(DriftKey("prod", f"t{number}"), Cause("cause"), 0.0)
    return Change(work, guards, tuple(o.key for o in outputs), sum(sizes), lambda _: outputs, None)


guards = st.dictionaries(st.sampled_from(KEYS), st.integers(0, 3), max_size=30)
changes = st.builds(
    change,
    st.integers(0, 10_000),
    guards,
    st.lists(st.sampled_from([0, 20, 600, 30_000, 120_000]), min_size=1, max_size=2),
    st.integers(1, 9),
)


@given(st.lists(changes, max_size=120, unique_by=lambda one: one.work.item), st.sampled_from([64, 128]))
def test_a_load_is_one_transaction_that_consul_takes(wanted: list[Change], operations_max: int) -> None:
    """As many changes as fit, whatever they share; fence and receipt included, in base64."""
    limits = StoreLimits(512 * 1024, operations_max, 512 * 1024)
    load = Load(root=ROOT, limits=limits, reserved=RESERVED_OPERATIONS)
    taken = [one for one in wanted if load.takes(one)]
    goods = parcel(taken, root=ROOT, position=0)
    fence, receipt = (
        Held(f"{ROOT}/_system/leader", SessionId("s" * 36)),
        Set(f"{ROOT}/_system/receipts/0", b"i" * 50, 7),
    )
    sent = encode((fence, *goods.operations, receipt), limits)  # raises TooLarge
    checks = [operation.key for operation in goods.operations if isinstance(operation, Check)]
    assert len(checks) == len(set(checks)), "an input that several rely on is checked once"
    assert {f"{ROOT}/{key}" for one in taken for key in one.guards} == set(checks)
    assert len(sent) <= operations_max
    if len(taken) < len(wanted):
        assert load.full


few = st.builds(
    change,
    st.integers(0, 8),
    st.dictionaries(
        st.sampled_from([*KEYS[:3], *(f"status/prod/av/c{n}-0" for n in range(9))]), st.just(1), max_size=3
    ),
    st.just([20]),
    st.just(1),
)


@given(st.lists(few, max_size=20), few)
def test_what_crosses_a_claim_waits(wanted: list[Change], one: Change) -> None:
    """Free exactly when neither writes what the other writes or relies on; and free again when they have landed."""
    claims, under_way = Claims(), list[Change]()
    for other in wanted:
        if claims.free(other):
            claims.add(other)
            under_way.append(other)
    assert claims.free(one) is not any(
        set(one.keys) & (set(other.keys) | other.guards.keys()) or one.guards.keys() & set(other.keys)
        for other in under_way
    )
    while under_way:
        claims.remove(under_way.pop())
    assert claims.free(one)
