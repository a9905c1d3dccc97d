"""Entries and keys as streams: each once and in order, resumed where a reader left off, ended with the daemon."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import pytest

from tests.e2e.processes import Daemon, clean_environment, command, scan_world


@dataclass
class Event:
    id: str = ""
    event: str = ""
    data: str = ""
    comment: str = ""


@contextmanager
def stream(daemon: Daemon, path: str, **headers: str) -> Iterator[Iterator[Event]]:
    """Server-sent events, by the rules of the HTML standard, comments included."""

    def events(answer: httpx2.Response) -> Iterator[Event]:
        event = Event()
        for line in answer.iter_lines():
            name, _, value = line.partition(":")
            if not line:
                yield event
                event = Event()
            elif not name:
                event.comment = value.strip()
            else:
                setattr(event, name, value.removeprefix(" "))

    with daemon.client(**headers) as client, client.stream("GET", path) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield events(answer)


def put(daemon: Daemon, *keys: str) -> None:
    for key in keys:
        daemon.load({key: b"1"})


def test_a_stream_begins_with_what_comes_next(daemon: Daemon) -> None:
    """The id is the journal position, the event the entry's type, the data the stored entry itself."""
    put(daemon, "configs/a/1/before")
    with stream(daemon, "/v1/events", Accept="text/event-stream") as events:
        put(daemon, "configs/a/1/after")
        found = next(events)
    (entry,) = daemon.entries(key="configs/a/1/after")
    assert (found.id, found.event) == (str(entry["position"]), "ConfigRevised")
    assert json.loads(found.data) == entry


def test_a_stream_is_what_a_plain_get_gives(daemon: Daemon) -> None:
    """`curl -N` sends no Accept of its own; a page is asked for by a limit or by application/json."""
    put(daemon, "configs/a/1/b")
    with stream(daemon, "/v1/events?start=0") as events:
        assert next(events).id == "0"
    with daemon.client() as client:
        assert client.get("/v1/events?limit=1").json()["items"][0]["position"] == 0
        assert client.get("/v1/events", headers={"Accept": "application/json"}).json()["size"] > 1


def test_a_reader_resumes_without_gap_or_repetition(daemon: Daemon) -> None:
    """Last-Event-ID wins over start."""
    put(daemon, *(f"configs/a/1/c{n}" for n in range(5)))
    with stream(daemon, "/v1/events?start=0&type=ConfigRevised") as events:
        first = [next(events) for _ in range(2)]
    put(daemon, "configs/a/1/c5")
    again = {"Last-Event-ID": first[-1].id}
    with stream(daemon, "/v1/events?start=0&type=ConfigRevised", **again) as events:
        rest = [next(events) for _ in range(4)]
    keys = [json.loads(event.data)["data"]["key"] for event in (*first, *rest)]
    assert keys == [f"configs/a/1/c{n}" for n in range(6)]


def test_a_stream_of_some_entries(daemon: Daemon) -> None:
    """By type, stream, key and correlation id; what is not asked for is passed over without an end."""
    with (
        stream(daemon, "/v1/events?start=0&key=configs/a/1/x") as by_key,
        stream(daemon, "/v1/events?start=0&correlation_id=mine") as by_id,
        stream(daemon, "/v1/events?start=0&stream=config/a/1/z") as by_stream,
    ):
        put(daemon, "configs/a/1/w", "configs/a/1/x")
        daemon.load({"configs/a/1/y": b"1"}, **{"X-Correlation-Id": "mine"})
        put(daemon, "configs/a/1/z")
        found = [json.loads(next(events).data)["data"]["key"] for events in (by_key, by_id, by_stream)]
    assert found == ["configs/a/1/x", "configs/a/1/y", "configs/a/1/z"]


def test_a_tail_goes_on_over_a_restart(start: Callable[..., Daemon]) -> None:
    """The daemon is killed and comes back at the same place: every entry is printed once, in order."""
    daemon = start()
    daemon.listen = daemon.address
    put(daemon, "configs/a/1/c0")
    command_line = [*command("versiqii"), "audit", "tail", "--start", "0"]
    with subprocess.Popen(
        command_line, stdout=subprocess.PIPE, env=clean_environment(VERSIQII_ADDR=daemon.url), text=True
    ) as tail:
        assert tail.stdout is not None
        told = [json.loads(tail.stdout.readline())["position"]]
        daemon.kill()
        daemon.start()
        put(daemon, "configs/a/1/c1")
        (last,) = daemon.entries(key="configs/a/1/c1")
        while told[-1] != last["position"]:
            told.append(json.loads(tail.stdout.readline())["position"])
        tail.terminate()
    assert told == list(range(last["position"] + 1))


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {"Last-Event-ID": "x"}),
        ("", {"Last-Event-ID": "-1"}),
        ("", {"Last-Event-ID": "1000000"}),
        ("?start=-1", {}),
        ("?limit=0", {}),
        ("?limit=10001", {}),
    ],
)
def test_a_place_that_is_none(shared: Daemon, query: str, headers: dict[str, str]) -> None:
    with shared.client() as client:
        answer = client.get(f"/v1/events{query}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_pages_of_entries(daemon: Daemon) -> None:
    """nextStart leads through all of them, in order and without a gap."""
    put(daemon, *(f"configs/a/1/c{n}" for n in range(10)))
    found, start = [], 0
    with daemon.client() as client:
        while True:
            page = client.get(f"/v1/events?start={start}&limit=4").json()
            found += page["items"]
            if "nextStart" not in page:
                break
            start = page["nextStart"]
        assert page["size"] == len(found)
        assert client.get(f"/v1/events?start={page['size'] + 5}&limit=4").json()["items"] == []
    assert [entry["position"] for entry in found] == list(range(len(found)))


def test_keys_are_watched_like_they_are_listed(daemon: Daemon) -> None:
    """created, updated and deleted, of effective and status keys too, from the moment the stream says it watches."""
    daemon.load(scan_world())
    daemon.until_status("prod/asia/av/default", state="InSync")
    watch = {"Accept": "text/event-stream"}
    with stream(daemon, "/v1/configs/av/", **watch) as configs, stream(daemon, "/v1/status/", **watch) as statuses:
        assert next(configs).comment == next(statuses).comment == "watching"
        with daemon.client() as client:
            client.put("/v1/configs/av/1.0.0/other", content=b"{}")
            client.put("/v1/configs/other/1.0.0/default", content=b"{}")
            created = next(configs)
            client.put("/v1/configs/av/1.0.0/other", content=b'{"depth": 1}', headers={"If-Match": "*"})
            updated = next(configs)
            client.delete("/v1/configs/av/1.0.0/other", headers={"If-Match": "*"})
            deleted = next(configs)
            client.put("/v1/envs/prod/asia/av/version", content=b"2.0.0", headers={"If-Match": "*"})
            moved = next(statuses)
    assert [event.event for event in (created, updated, deleted)] == ["created", "updated", "deleted"]
    told = [json.loads(event.data) for event in (created, updated, deleted)]
    assert {event["key"] for event in told} == {"configs/av/1.0.0/other"}
    assert told[0]["revision"] < told[1]["revision"] < told[2]["revision"]
    assert (moved.event, json.loads(moved.data)["key"]) == ("updated", "status/prod/asia/av/default")


def test_a_place_that_cannot_be_watched(shared: Daemon) -> None:
    with shared.client(Accept="text/event-stream") as client:
        assert client.get("/v1/nothing/").status_code == 400


def test_streams_end_with_the_daemon(daemon: Daemon) -> None:
    """A stop does not wait for readers, and they see an orderly end."""
    watch = {"Accept": "text/event-stream"}
    with stream(daemon, "/v1/events") as events, stream(daemon, "/v1/configs/", **watch) as keys:
        assert next(keys).comment == "watching"
        assert daemon.stop() == 0
        assert list(events) == []
        assert list(keys) == []
    assert daemon.log()[-1]["event"] == "stopped"
    assert not [line for line in daemon.log() if line["level"] in ("warning", "error")]


def test_a_reader_resumes_over_the_death_of_the_daemon(daemon: Daemon) -> None:
    """Killed while a reader follows and others write: with the last id it saw, it gets each entry once and in order."""
    put(daemon, *(f"configs/a/1/c{n}" for n in range(3)))
    seen: list[Event] = []
    with stream(daemon, "/v1/events?start=0", Accept="text/event-stream") as events:
        seen += [next(events) for _ in range(2)]
        put(daemon, "configs/a/1/c3")
        daemon.kill()
    daemon.start()
    put(daemon, "configs/a/1/c4")
    entries = daemon.entries()
    with stream(daemon, "/v1/events", **{"Last-Event-ID": seen[-1].id}) as events:
        seen += [next(events) for _ in range(len(entries) - len(seen))]
    assert [int(event.id) for event in seen] == list(range(len(entries)))
    assert [json.loads(event.data) for event in seen] == entries
