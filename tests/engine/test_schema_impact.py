"""The live impact of a schema is exact: every config that is read and would not fit, where it is read, and no other."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.test_promises import HereComparer
from tests.engine.world import ROOT, InProcessValidator, raw
from versiqiid.adapters.memory import MemoryStore
from versiqiid.api.schemas import Schemas
from versiqiid.api.service import Service
from versiqiid.engine.attributions import Attributions
from versiqiid.engine.gate import JournalGate
from versiqiid.ports import Set

pytestmark = pytest.mark.anyio

PLACES = ["prod/asia", "prod/eu/fr", "test"]
BINDING = st.tuples(
    st.sampled_from(PLACES),
    st.sampled_from(["av", "ids", "stranger"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["InSync", "Migrated", "Rejected", "Held"]),
    st.integers(0, 12),
)


def keys(bindings: list[tuple[str, str, str, str, int]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "families/f": {"compatibility": "BACKWARD"},
        "schemas/f/1.0.0": {"type": "integer"},
        "targets/av": {"family": "f"},
        "targets/ids": {"family": "f"},
        "targets/stranger": {"family": "g"},
    }
    for place, target, name, state, document in bindings:
        at = f"{place}/{target}/{name}"
        source = {"key": f"configs/{target}/1.0.0/{name}", "revision": 1, "digest": "sha256:0"}
        found[f"effective/{at}"] = document
        found[f"status/{at}"] = {"state": state, "source": source, "schemaVersion": "1.0.0", "targetVersion": "1"}
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(BINDING, max_size=12, unique_by=lambda binding: binding[:3]), st.integers(0, 12))
async def test_exactly_the_configs_that_are_read_and_do_not_fit_are_named(
    bindings: list[tuple[str, str, str, str, int]], maximum: int
) -> None:
    """The oracle is arithmetic: a number over the new maximum, read by a target of the family, in good standing."""
    store = MemoryStore()
    await store.commit([Set(f"{ROOT}/{key}", raw(value)) for key, value in keys(bindings).items()])
    service = Service(store, cast("JournalGate", None), Attributions("test"), root=ROOT)
    schemas = Schemas(service, InProcessValidator(), HereComparer())
    schema = json.dumps({"type": "integer", "maximum": maximum}).encode()
    told = (await schemas.check("f", schema, version="1.1.0", asked={})).as_json()["live"]
    standing = [b for b in bindings if b[1] != "stranger" and b[3] in {"InSync", "Migrated"}]
    wanted = sorted(f"{place}/{target}/{name}" for place, target, name, _, number in standing if number > maximum)
    named = [hit["binding"] for place in told["environments"] for hit in place["broken"]]
    assert (told["judged"], told["broken"], sorted(named)) == (len(standing), len(wanted), wanted)
    places = [place["environment"] for place in told["environments"]]
    assert places == sorted(set(places)), "an environment is told once"
    for place in told["environments"]:
        assert all(hit["binding"].startswith(f"{place['environment']}/{hit['target']}/") for hit in place["broken"])
