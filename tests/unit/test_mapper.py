"""The account of a config's way: its patch leads from the config to the result; refusals carry their place."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.canonical import canonical
from versiqiid.core.laws import Difference
from versiqiid.core.mapper import Account, Leg, Refusal
from versiqiid.core.patch import apply_patch
from versiqiid.core.stash import keep
from versiqiid.core.violation import Violation

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(alphabet="a/~", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="ab/", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, json_values)
def test_the_patch_leads_from_the_config_to_the_result(config: Any, result: Any) -> None:
    told = Account(config, ("1", "2"), result).as_json()
    assert canonical(apply_patch(config, told["patch"])) == canonical(result)
    assert told["verdict"] == {"valid": True}


def test_the_account_tells_each_step_and_what_it_kept_aside() -> None:
    stashed = Difference("/report", "/report", "changed", "full")
    leg = Leg("2", "1", "wasm", "sha256:00", 7, ("/x",), (stashed,), conflicts=("/a",), stash="merged", notes=("note",))
    told = Account({"report": "full"}, ("2", "1"), {}, [leg], [keep("2", "1", {}, lost={"/report": "full"})]).as_json()
    assert told["steps"] == [
        {
            "from": "2",
            "to": "1",
            "runtime": "wasm",
            "digest": "sha256:00",
            "lossy": True,
            "fuel": 7,
            "stash": "merged",
            "notes": ["note"],
        }
    ]
    assert told["stashed"] == [{"from": "2", "to": "1", "pointer": "/report", "value": "full"}]
    assert told["conflicts"] == [{"from": "2", "to": "1", "pointer": "/a"}]
    assert told["stash"][0]["lost"] == {"/report": "full"}
    assert (told["lost"], told["undecided"]) == ([], [])


def test_a_refusal_has_no_result() -> None:
    refusal = Refusal("no depth", (Violation("/depth", "migration", "no depth"),))
    told = Account({}, ("1", "2"), refusal=refusal).as_json()
    assert told["verdict"]["valid"] is False
    assert told["verdict"]["violations"] == [{"pointer": "/depth", "keyword": "migration", "message": "no depth"}]
    assert "config" not in told
    assert "patch" not in told


def test_a_step_without_a_way_back_is_undecided() -> None:
    told = Account({}, ("1", "2"), {}, [Leg("1", "2", "lens", "sha256:00", decided=False)]).as_json()
    assert told["undecided"] == [{"from": "1", "to": "2"}]
