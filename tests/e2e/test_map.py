"""The mapper and dry runs on a daemon: by API and by command line, with stashes that hold, are merged or dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.processes import Daemon, example_keys, until
from versiqiid.core.canonical import canonical

EUROPE, ASIA = "prod/eu-fr", "prod/asia-sg"
THREE = {
    "limits": {"depth": 1, "timeout_s": 0.0015},
    "detectors": {"yara": {"enabled": False, "rules_max": 0}, "ml": {"enabled": True, "threshold": 0}},
    "report": {"level": "full"},
}
"""A config of 3.0.0 that holds what 1.0.0 cannot express: a fraction of a millisecond, a detector, a level."""


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Asia runs 3.0.1, Europe 1.4.0, the laboratory nothing."""
    with Daemon(tmp_path_factory.mktemp("regions")) as daemon:
        daemon.load(example_keys() | {f"envs/{ASIA}/av-engine/version": b"3.0.1"})
        yield daemon


def ask(daemon: Daemon, config: Any, *, start: str = ASIA, end: str = EUROPE, **more: Any) -> httpx2.Response:
    body = {"target": "av-engine", "from": start, "to": end, "config": config, **more}
    with daemon.client() as client:
        return client.post("/v1/map", content=json.dumps(body).encode())


def mapped(daemon: Daemon, config: Any, **more: Any) -> Any:
    answer = ask(daemon, config, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def back(daemon: Daemon, config: Any, stash: Any) -> Any:
    return mapped(daemon, config, start=EUROPE, end=ASIA, stash=stash)


def test_the_answer_holds_everything_that_is_promised(regions: Daemon) -> None:
    """Result, patch, what was stashed, verdict, and for each step its module's digest and its fuel."""
    told = mapped(regions, THREE)
    assert (told["path"], told["verdict"]) == (["3.0.0", "2.0.0", "1.0.0"], {"valid": True})
    assert told["from"] == {"environment": ASIA, "version": "3.0.1", "schema": "3.0.0"}
    document = json.loads(json.dumps(THREE))
    import jsonpatch  # noqa: PLC0415 - an implementation of RFC 6902 by others

    assert jsonpatch.apply_patch(document, told["patch"]) == told["config"]
    with regions.client() as client:
        for step in told["steps"]:
            key = f"/v1/migrations/scan-engine/{step['from']}/{step['to']}"
            assert client.get(key).json()["module"] == step["digest"]
            assert step["fuel"] > 0
            assert (step["runtime"], step["lossy"]) == ("wasm", False)
    assert {each["pointer"] for each in told["stashed"]} >= {"/limits/timeout_s", "/report"}
    assert (told["lost"], told["conflicts"], told["undecided"]) == ([], [], [])


def test_api_command_line_and_file_say_the_same(regions: Daemon, tmp_path: Path) -> None:
    """JSON or YAML, from a file or from standard input."""
    told = mapped(regions, THREE)
    as_json, as_yaml = tmp_path / "config.json", tmp_path / "config.yaml"
    as_json.write_text(json.dumps(THREE))
    as_yaml.write_text("limits: {depth: 1, timeout_s: 0.0015}\nreport: {level: full}\ndetectors:\n"
                       "  yara: {enabled: false, rules_max: 0}\n  ml: {enabled: true, threshold: 0}\n")  # fmt: skip
    flags = ("--target", "av-engine", "--from-env", ASIA, "--to-env", EUROPE, "-o", "json")
    for file, stdin in ((str(as_json), b""), (str(as_yaml), b""), ("-", as_json.read_bytes())):
        done = regions.cli("map", *flags, file, stdin=stdin)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == told


def test_a_stash_is_applied_while_the_config_is_what_it_was_made_for(regions: Daemon) -> None:
    """There and back is the same to the byte, however the config is written in between."""
    there = mapped(regions, THREE)
    again = dict(reversed(there["config"].items()))
    here = back(regions, again, there["stash"])
    assert canonical(here["config"]) == canonical(THREE)
    assert [step["stash"] for step in here["steps"]] == ["applied", "applied"]
    without = back(regions, there["config"], [])
    assert canonical(without["config"]) != canonical(THREE)


def test_an_edit_elsewhere_and_the_stash_meet(regions: Daemon) -> None:
    """What was edited holds, and what was stashed comes back: a three-way merge, with nothing to report."""
    there = mapped(regions, THREE)
    edited = there["config"] | {"scan_depth": 7}
    here = back(regions, edited, there["stash"])
    assert here["config"] == THREE | {"limits": {"depth": 7, "timeout_s": 0.0015}}
    assert here["steps"][0]["stash"] == "merged"
    assert (here["conflicts"], here["verdict"]) == ([], {"valid": True})


def test_where_edit_and_stash_meet_in_one_place_it_is_a_conflict(regions: Daemon, tmp_path: Path) -> None:
    """The edit wins, the place is named, and all that nobody edited comes back."""
    there = mapped(regions, THREE)
    edited = there["config"] | {"timeout_ms": 40}
    here = back(regions, edited, there["stash"])
    assert here["config"]["limits"] == {"depth": 1, "timeout_s": 0.04}
    assert here["config"]["detectors"] == THREE["detectors"]
    assert here["conflicts"] == [{"from": "2.0.0", "to": "3.0.0", "pointer": "/limits/timeout_s"}]
    config, stash = tmp_path / "config", tmp_path / "stash"
    config.write_text(json.dumps(edited))
    stash.write_text(json.dumps(there))
    flags = ("--target", "av-engine", "--from-env", EUROPE, "--to-env", ASIA, str(config), "--stash", str(stash))
    done = regions.cli("map", *flags)
    assert done.returncode == 0, done.stderr
    assert "conflict from 2.0.0 to 3.0.0 at /limits/timeout_s: the edit wins" in done.stderr


def test_a_stale_stash_that_does_not_know_its_document_is_dropped(regions: Daemon) -> None:
    there = mapped(regions, THREE)
    nameless = [{name: value for name, value in each.items() if name != "converted"} for each in there["stash"]]
    edited = there["config"] | {"scan_depth": 7}
    here = back(regions, edited, nameless)
    assert here["steps"][0]["stash"] == "dropped"
    assert here["conflicts"][0]["pointer"] == ""
    assert here["config"] == back(regions, edited, [])["config"]


@pytest.mark.parametrize(
    "stash",
    [
        {},
        [1],
        [{"from": "2.0.0", "to": "1.0.0"}],
        [{"from": "2.0.0", "to": "1.0.0", "sha256": "x"}],
        [{"from": "2.0.0", "to": "1.0.0", "sha256": "0" * 64, "converted": {}}],
        [{"from": "2.0.0", "to": "1.0.0", "sha256": "0" * 64, "patch": [{"op": "leave"}]}],
        [{"from": "2.0.0", "to": "1.0.0", "sha256": "0" * 64, "revived": "old data"}],
        [{"from": "a", "to": "b", "sha256": "0" * 64}] * 2,
        [{"from": "a", "to": str(n), "sha256": "0" * 64} for n in range(257)],
    ],
)
def test_what_is_no_stash_is_refused_with_its_place(regions: Daemon, stash: Any) -> None:
    answer = ask(regions, THREE, stash=stash)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"].startswith("stash"), answer.text
    assert "old data" not in answer.text


def test_a_record_that_is_made_up_restores_nothing_that_the_schema_refuses(regions: Daemon) -> None:
    """A stash comes from outside: with the right hash it is applied, and what comes of it is judged like any result."""
    there = mapped(regions, THREE)
    forged = [each | {"patch": [{"op": "add", "path": "", "value": {"secret": "s3cret"}}]} for each in there["stash"]]
    told = back(regions, there["config"], forged)
    assert told["verdict"]["valid"] is False
    assert "s3cret" not in json.dumps(told["verdict"])
    assert "config" not in told


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"target": "nobody"}, 404, "targets/nobody"),
        ({"target": "../x"}, 400, "target"),
        ({"to": "laboratory"}, 404, "no version of av-engine"),
        ({"to": ""}, 400, "key"),
        ({"config": None, "more": 1}, 422, "{target, from, to, config, stash?}"),
        ({"from": 7}, 422, "/from: expected text"),
    ],
)
def test_what_cannot_be_mapped_is_told(regions: Daemon, body: dict[str, Any], status: int, words: str) -> None:
    usual = {"target": "av-engine", "from": ASIA, "to": EUROPE, "config": THREE}
    with regions.client() as client:
        answer = client.post("/v1/map", content=json.dumps(usual | body).encode())
    assert answer.status_code == status, answer.text
    assert words in answer.text


def test_a_config_that_does_not_fit_where_it_comes_from_is_refused(regions: Daemon) -> None:
    """With the pointer, and without the value."""
    told = mapped(regions, THREE | {"report": {"level": "s3cret"}})
    assert told["verdict"]["valid"] is False
    assert told["verdict"]["violations"][0]["pointer"] == "/report/level"
    assert "s3cret" not in json.dumps(told["verdict"])
    assert told["steps"] == []


def test_nothing_is_stored(regions: Daemon) -> None:
    """Neither a key nor an entry of the journal."""

    def everything() -> list[tuple[str, int]]:
        with regions.client() as client:
            items = client.get("/v1/", params={"page_size": 10_000}).json()["items"]
        return [(item["key"], item["revision"]) for item in items]

    before, entries = everything(), len(regions.entries())
    there = mapped(regions, THREE)
    back(regions, there["config"], there["stash"])
    assert everything() == before
    assert len(regions.entries()) == entries


# ------------------------------------------------------------------------------------------------------------ numbers

SCHEMA = {"type": "object", "additionalProperties": {"type": ["number", "array", "string"]}}
HUGE = {"size": 1e20, "all": [9007199254740992.0, -1e20, 1e21, 0.5]}
DIGITS = b'{"all":[9007199254740992,-100000000000000000000,1e+21,0.5],"size":100000000000000000000}'


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Two versions; up and down are scripts that change nothing but a member that they keep aside."""
    up = 'function migrate(config, context)\n  restore(config, "/tag", "usual")\n  return config\nend'
    down = 'function migrate(config, context)\n  keep(config, "/tag", "usual")\n  return config\nend'
    keys: dict[str, Any] = {
        "families/n": {},
        "schemas/n/1.0.0": SCHEMA,
        "schemas/n/2.0.0": SCHEMA | {"required": ["tag"]},
        "migrations/n/1.0.0/2.0.0": {"runtime": "lua", "source": up},
        "migrations/n/2.0.0/1.0.0": {"runtime": "lua", "source": down},
        "targets/av-engine": {"family": "n", "schemas": {"1": "1.0.0", "2": "2.0.0"}},
        "configs/av-engine/1.0.0/c": HUGE,
    }
    texts = {"bindings/prod/av-engine/c": b""}
    texts |= {f"envs/{EUROPE}/av-engine/version": b"1.0.0", f"envs/{ASIA}/av-engine/version": b"2.0.0"}
    with Daemon(tmp_path_factory.mktemp("numbers")) as daemon:
        daemon.load({key: json.dumps(value).encode() for key, value in keys.items()} | texts)
        yield daemon


def test_large_doubles_go_through_steps_effective_configs_and_verdicts(numbers: Daemon) -> None:
    """1e20 is written with all its digits, and is the same number wherever that is read."""
    numbers.until_status(f"{EUROPE}/av-engine/c", state="InSync")
    numbers.until_status(f"{ASIA}/av-engine/c", state="Migrated")
    with numbers.client() as client:
        for _ in until("the effective config is there"):
            if client.get(f"/v1/effective/{EUROPE}/av-engine/c").content == DIGITS:
                break
        assert client.get(f"/v1/effective/{ASIA}/av-engine/c").json() == json.loads(DIGITS) | {"tag": "usual"}
        stricter = json.dumps(SCHEMA | {"properties": {"size": {"maximum": 1e19}}})
        told = client.post("/v1/schemas/n:check", params={"version": "1.1.0"}, content=stricter).json()
    broken = [hit["binding"] for place in told["live"]["environments"] for hit in place["broken"]]
    assert broken == [f"{ASIA}/av-engine/c", f"{EUROPE}/av-engine/c"]


def test_what_was_given_can_be_given_back(numbers: Daemon, tmp_path: Path) -> None:
    """The effective config as a file, the answer's stash as a file, and both as JavaScript writes them."""
    three = HUGE | {"tag": "mine"}
    there = mapped(numbers, three)
    assert there["verdict"] == {"valid": True}
    here = back(numbers, there["config"], there["stash"])
    assert (here["config"], here["steps"][0]["stash"]) == (three, "applied")
    body = canonical(
        {"target": "av-engine", "from": EUROPE, "to": ASIA, "config": there["config"], "stash": there["stash"]}
    )
    with numbers.client() as client:
        assert b'"size":100000000000000000000' in body
        assert client.post("/v1/map", content=body).json() == here
    config, stash = tmp_path / "config", tmp_path / "stash"
    config.write_bytes(DIGITS)
    stash.write_bytes(canonical(there))
    flags = ("--target", "av-engine", "--from-env", EUROPE, "--to-env", ASIA, str(config), "--stash", str(stash))
    done = numbers.cli("map", *flags, "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == here


def test_what_an_operator_writes_is_read_as_strictly_as_before(numbers: Daemon) -> None:
    """The rule of the key layout: digits beyond 2^53 - 1 are no number of a config."""
    with numbers.client() as client:
        put = client.put("/v1/configs/av-engine/1.0.0/strict", content=b'{"size": 100000000000000000000}')
        assert put.status_code == 201
    numbers.load({f"bindings/{EUROPE}/av-engine/strict": b""})
    status = numbers.until_status(f"{EUROPE}/av-engine/strict", state="Rejected")
    assert "an integer beyond" in status["reason"]
