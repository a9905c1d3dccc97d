"""The CloudEvents mapping, checked against the words of the events page and against a naive second reading."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.cloudevent import Mode, Source, latest, leaf_hash, message
from versiqiid.errors import InvalidSetting

SOURCE = Source("versiqii.local/0123456789abcdef", "https://v.example/events/schemas")


def fact(**changes: Any) -> dict[str, Any]:
    return {
        "position": 17,
        "time": "2026-03-01T12:00:00.000001Z",
        "type": "EffectiveApplied",
        "tenant": "default",
        "stream": "binding/prod/eu-fr/av-engine/default",
        "streamRevision": 3,
        "actor": {"kind": "daemon", "id": "host-1", "via": "kv"},
        "correlationId": "c-1",
        "causationId": "c-0",
        "data": {"effectiveDigest": "sha256:" + "a" * 64},
        **changes,
    }


def entry(**changes: Any) -> bytes:
    return rfc8785.dumps(fact(**changes))


def test_binary_mode_says_exactly_what_the_page_says() -> None:
    """Headers, key and body of one entry, letter by letter."""
    raw = entry()
    got = message(raw, SOURCE)
    assert got.key == b"binding/prod/eu-fr/av-engine/default"
    assert dict(got.headers) == {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_id": hashlib.sha256(b"\0" + raw).hexdigest().encode(),
        "ce_source": b"//versiqii.local/0123456789abcdef",
        "ce_type": b"io.versiqii.EffectiveApplied.v1",
        "ce_time": b"2026-03-01T12:00:00.000001Z",
        "ce_subject": b"binding/prod/eu-fr/av-engine/default",
        "ce_correlationid": b"c-1",
        "ce_causationid": b"c-0",
        "ce_sequence": b"00000000000000000017",
        "ce_dataschema": b"https://v.example/events/schemas/EffectiveApplied.v1.json",
    }
    assert len(got.headers) == len(dict(got.headers)), "no header twice"
    assert got.body is not None
    assert json.loads(got.body) == {
        "version": 1,
        "timestamp": "2026-03-01T12:00:00.000001Z",
        "event_type": "EffectiveApplied",
        "correlation_id": "c-1",
        "actor": {"kind": "daemon", "id": "host-1", "via": "kv"},
        "data": {"effectiveDigest": "sha256:" + "a" * 64},
    }


def test_structured_mode_carries_the_same_event_in_the_body() -> None:
    """Every attribute of the binary headers stands in the structured body, and the data is the same."""
    raw = entry()
    binary, structured = message(raw, SOURCE), message(raw, Source(SOURCE.origin, SOURCE.schema_base, Mode.STRUCTURED))
    assert structured.headers == (("content-type", b"application/cloudevents+json"),)
    assert structured.key == binary.key
    assert structured.body is not None
    assert binary.body is not None
    whole = json.loads(structured.body)
    assert whole.pop("data") == json.loads(binary.body)
    assert whole.pop("datacontenttype") == "application/json"
    assert whole == {name[3:]: value.decode() for name, value in binary.headers if name.startswith("ce_")}


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_known_trace_travels_twice_and_an_unknown_one_not_at_all() -> None:
    """As W3C header and as CloudEvents extension, or in neither place; never empty."""
    with_trace = dict(message(entry(data={"traceparent": TRACE}), SOURCE).headers)
    assert with_trace["traceparent"] == with_trace["ce_traceparent"] == TRACE.encode()
    for bad in ("", None, 7, TRACE.upper(), "00-" + "0" * 32 + TRACE[35:], TRACE[:36] + "0" * 16 + "-01", TRACE + "-x"):
        names = {name for name, _ in message(entry(data={"traceparent": bad}), SOURCE).headers}
        assert not names & {"traceparent", "ce_traceparent"}, bad


texts = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)
values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | texts
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def exact(raw: bytes) -> Any:
    """JSON with every number as the decimal that is written there."""
    return json.loads(raw, parse_int=Decimal, parse_float=Decimal)


@given(data=st.dictionaries(texts, values, max_size=5), stream=texts.filter(bool), position=st.integers(0, 2**53 - 1))
def test_any_entry_survives_the_journey(data: dict[str, Any], stream: str, position: int) -> None:
    """Whatever an entry holds can be read back from its message, and encoding again changes nothing."""
    raw = entry(data=data, stream=stream, position=position)
    got = message(raw, SOURCE)
    headers = dict(got.headers)
    assert got == message(raw, SOURCE)
    assert got.key.decode() == stream == headers["ce_subject"].decode()
    assert int(headers["ce_sequence"]) == position
    assert len(headers["ce_sequence"]) == 20
    assert got.body is not None
    assert exact(got.body)["data"] == exact(raw)["data"]
    assert all(value for _, value in got.headers), "what is unknown is absent, never empty"


def test_leaf_hash_of_nothing_is_the_known_one() -> None:
    """RFC 6962 leaf hash of the empty input, a published vector."""
    assert leaf_hash(b"") == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_the_state_topic_has_one_key_per_binding_and_tenant() -> None:
    """The same event under the binding's key; a tenant's key never collides with another's; removal is a tombstone."""
    assert latest(entry(), SOURCE) == message(entry(), SOURCE)
    other = latest(entry(tenant="blue"), SOURCE)
    assert other.key == b"tenants/blue/binding/prod/eu-fr/av-engine/default"
    gone = latest(entry(type="EffectiveRemoved"), SOURCE)
    assert gone.body is None
    assert gone.key == b"binding/prod/eu-fr/av-engine/default"
    assert dict(gone.headers)["ce_type"] == b"io.versiqii.EffectiveRemoved.v1"


@pytest.mark.parametrize(
    "base", ["", "/events/schemas", "v.example/x", "https://v.example/x/", "https://", "http://a b/c"]
)
def test_a_schema_base_that_is_no_absolute_uri_is_refused(base: str) -> None:
    """``ce_dataschema`` must be absolute, so a base that cannot give one is refused at once."""
    with pytest.raises(InvalidSetting, match="absolute URI"):
        Source("o", base)
