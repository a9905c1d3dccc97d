"""``versiqii trace``: one correlation id through code, configuration, state, events and decision."""

from __future__ import annotations

from typing import Any

import click

from versiqiid.cli.session import Session

_COLUMNS = ("position", "time", "decision", "code", "configuration", "state", "event")
_SHORT = 12


@click.command()
@click.argument("correlation_id")
@click.option("--start", type=click.IntRange(0), default=0, help="First position that is looked at.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True)
@click.pass_obj
def trace(session: Session, correlation_id: str, start: int, limit: int) -> None:
    """What one correlation id did, the five layers side by side, a row for each fact.

    CODE is the Git commit it came from, CONFIGURATION the key at the revision it got, STATE how the binding stands now
    ("later" when another id has decided since), EVENT the Kafka topics, with [partition]@offset where Kafka has told
    them, and the beginning of ce_id, DECISION the entry's type, with ✓ when it is under the newest signed checkpoint.
    All of it in full: -o json.
    """
    told = session.get(f"/v1/trace/{correlation_id}", start=start, limit=limit).json()
    if session.output in ("json", "yaml"):
        session.show(told)
        return
    session.show(_rows(told), *_COLUMNS, wide=("stream", "ceId", "digest"))
    checkpoint = told["decision"]["checkpoint"]
    signed = f"checkpoint over {checkpoint['size']} entries" if checkpoint else "no checkpoint yet"
    exemplar = told["state"]["exemplar"]
    session.tell(f"{told['decision']['origin']}: {signed}; exemplar {exemplar['label']} on {exemplar['metric']}")
    if "nextStart" in told:
        session.tell(f"there may be more: --start {told['nextStart']}")


def _rows(told: dict[str, Any]) -> list[dict[str, Any]]:
    code = {at: _commit(place) for place in told["code"] for at in place["positions"]}
    keys = {row["position"]: row for row in told["configuration"]}
    states = {row["position"]: row for row in told["state"]["bindings"]}
    events = {row["position"]: row for row in told["events"]["entries"]}
    rows = []
    for entry in told["decision"]["entries"]:
        at = entry["position"]
        key, state, event = keys.get(at), states.get(at), events[at]
        rows.append(
            {
                "position": at,
                "time": entry["time"],
                "decision": entry["type"] + (" ✓" if entry["covered"] else ""),
                "code": code.get(at),
                "configuration": f"{key['key']}@{key['revision']}" if key else None,
                "state": _state(state) if state else None,
                "event": f"{_topics(event)} {event['ceId'][:_SHORT]}",
                "stream": entry["stream"],
                "ceId": event["ceId"],
                "digest": key["digest"] if key else None,
            }
        )
    return rows


def _topics(event: dict[str, Any]) -> str:
    """Topics, each with partition and offset where they are known."""
    known = {d["topic"]: f"[{d['partition']}]@{d['offset']}" for d in event["deliveries"]}
    return ",".join(topic + known.get(topic, "") for topic in event["topics"])


def _commit(place: dict[str, Any]) -> str:
    commit = str(place["commit"] or "-")[:_SHORT]
    return f"{place['repository']}@{commit}" if place["repository"] else commit


def _state(row: dict[str, Any]) -> str:
    if row["state"] is None:
        return "gone"
    told = f"{row['state']} {row['targetVersion'] or ''}".strip()
    return told if row["current"] else f"{told} (later)"
