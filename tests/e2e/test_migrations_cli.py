"""``versiqii migrations`` and ``versiqii map`` against a daemon: as processes, by exit code and output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon, example_keys, run_cli
from tests.engine.steps import DOWN, NEW, OLD, UP

SMALL = ("--count", "200", "--budget", "10")
LENS = [
    {"add": {"name": "scan", "type": "object"}},
    {"plunge": {"host": "scan", "name": "depth"}},
    {"add": {"name": "report", "type": "string", "default": "summary"}},
]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with the scan engine's keys."""
    with Daemon(tmp_path_factory.mktemp("example")) as daemon:
        daemon.load(example_keys())
        yield daemon


def family(daemon: Daemon, name: str) -> None:
    """Two schemas and no migrations, so that each test has a family of its own."""
    keys = {f"families/{name}": {}, f"schemas/{name}/1.0.0": OLD, f"schemas/{name}/2.0.0": NEW}
    daemon.load({key: json.dumps(value).encode() for key, value in keys.items()})


def file(folder: Path, name: str, value: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return str(path)


def keys_under(daemon: Daemon, prefix: str) -> list[str]:
    with daemon.client() as client:
        return [item["key"] for item in client.get(f"/v1/{prefix}").json()["items"]]


# ------------------------------------------------------------------------------------------------------ test and plan


def test_the_laws_of_the_example_hold(example: Daemon) -> None:
    done = example.cli("migrations", "test", "scan-engine", "1.0.0", "2.0.0", "-o", "json", *SMALL)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["holds"], told["findings"], told["seed"]) == (True, [], 1)
    assert [step["classification"] for step in told["steps"]] == ["lossless", "lossless-with-stash"]
    assert told["steps"][0]["configs"] == 3


def test_a_step_that_is_not_there_is_not_found(example: Daemon) -> None:
    done = example.cli("migrations", "test", "scan-engine", "1.0.0", "3.0.0")
    assert done.returncode == 6
    assert "versiqii migrations plan scan-engine 1.0.0 3.0.0" in done.stderr


def test_the_plan_tells_the_way_and_what_is_missing(example: Daemon) -> None:
    done = example.cli("migrations", "plan", "scan-engine", "1.0.0", "3.0.0", "-o", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["path"], told["lossySteps"], told["missing"]) == (["1.0.0", "2.0.0", "3.0.0"], 0, [])
    nowhere = example.cli("migrations", "plan", "scan-engine", "1.0.0", "4.0.0")
    assert nowhere.returncode == 6
    assert "missing: 3.0.0 to 4.0.0" in nowhere.stderr


# ------------------------------------------------------------------------------------------------------- registration


def test_a_lossy_downgrade_is_refused_with_the_document(shared: Daemon, tmp_path: Path) -> None:
    """Neither direction is written; declared, both are, and the laws hold."""
    family(shared, "lossy")
    patches = ("--patch", file(tmp_path, "up", UP), "--back", file(tmp_path, "down", DOWN))
    refused = shared.cli("migrations", "add", "lossy", "1.0.0", "2.0.0", *patches, "-o", "json")
    assert refused.returncode == 3
    (finding,) = json.loads(refused.stdout)["findings"]
    assert finding["law"] == "up(down(y, stash)) = y"
    assert (finding["pointer"], finding["lost"]) == ("/report", "full")
    assert finding["input"] == {"scan": {"depth": 0}, "report": "full"}
    assert "full" not in refused.stderr
    assert keys_under(shared, "migrations/lossy/") == []
    declared = shared.cli("migrations", "add", "lossy", "1.0.0", "2.0.0", *patches, "--back-lossy", "/report")
    assert declared.returncode == 0, declared.stderr
    assert declared.stdout.split() == ["migrations/lossy/1.0.0/2.0.0", "migrations/lossy/2.0.0/1.0.0"]
    assert shared.cli("migrations", "test", "lossy", "1.0.0", "2.0.0", *SMALL).returncode == 0


def test_the_second_direction_is_refused_as_422(shared: Daemon) -> None:
    """Over REST, one key after the other: alone the first is taken, together they break a law."""
    family(shared, "alone")
    up = json.dumps({"runtime": "json-patch", "patch": UP})
    down = json.dumps({"runtime": "json-patch", "patch": DOWN})
    with shared.client() as client:
        assert client.put("/v1/migrations/alone/1.0.0/2.0.0", content=up).status_code == 201
        dry = client.put("/v1/migrations/alone/2.0.0/1.0.0", content=down, params={"validate_only": "true"})
        answer = client.put("/v1/migrations/alone/2.0.0/1.0.0", content=down)
    assert (dry.status_code, answer.status_code) == (422, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["findings"][0]["lost"]) == ("law_broken", "full")
    assert "full" not in problem["detail"]
    assert keys_under(shared, "migrations/alone/") == ["migrations/alone/1.0.0/2.0.0"]


def test_a_pair_whose_schemas_come_later_is_taken_and_found_by_the_test(shared: Daemon) -> None:
    """Nothing can be tried at registration; once the schemas are there: exit 3, and the document on the terminal."""
    for ends, patch in (("1.0.0/2.0.0", UP), ("2.0.0/1.0.0", DOWN)):
        shared.load({f"migrations/later/{ends}": json.dumps({"runtime": "json-patch", "patch": patch}).encode()})
    family(shared, "later")
    done = shared.cli("migrations", "test", "later", "1.0.0", "2.0.0", *SMALL)
    assert done.returncode == 3
    assert "up(down(y, stash)) = y is broken by 2.0.0 to 1.0.0" in done.stdout
    assert '{"scan": {"depth": 0}, "report": "full"}' in done.stdout


def test_a_lens_is_registered_with_its_inverse(shared: Daemon, tmp_path: Path) -> None:
    family(shared, "lens")
    done = shared.cli("migrations", "add", "lens", "1.0.0", "2.0.0", "--lens", file(tmp_path, "lens", LENS))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["migrations/lens/1.0.0/2.0.0", "migrations/lens/2.0.0/1.0.0"]
    with shared.client() as client:
        back = client.get("/v1/migrations/lens/2.0.0/1.0.0").json()
    assert back["lossy"] == ["/report", "/scan"]
    assert back["lens"][0] == {"remove": {"name": "report", "type": "string", "default": "summary"}}


def test_an_opposite_key_of_ones_own_stays(shared: Daemon, tmp_path: Path) -> None:
    family(shared, "own")
    own = {"runtime": "json-patch", "patch": DOWN, "lossy": ["/report"]}
    shared.load({"migrations/own/2.0.0/1.0.0": json.dumps(own).encode()})
    done = shared.cli("migrations", "add", "own", "1.0.0", "2.0.0", "--lens", file(tmp_path, "lens", LENS))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["migrations/own/1.0.0/2.0.0"]
    with shared.client() as client:
        assert client.get("/v1/migrations/own/2.0.0/1.0.0").json() == own


def test_scripts_are_registered_both_ways_and_run(shared: Daemon, tmp_path: Path) -> None:
    """`add --lua` tries the laws on them; `run` carries a config with them, and tells what it cost."""
    family(shared, "scripts")
    up, down = tmp_path / "up.lua", tmp_path / "down.lua"
    up.write_text(
        'function migrate(c) move(c, "/depth", "/scan/depth") restore(c, "/report", "summary") return c end',
        encoding="utf-8",
    )
    down.write_text(
        'function migrate(c) move(c, "/scan/depth", "/depth") take(c, "/scan") take(c, "/report") return c end',
        encoding="utf-8",
    )
    added = ("migrations", "add", "scripts", "1.0.0", "2.0.0", "--lua", str(up), "--back", str(down))
    lossy = shared.cli(*added)
    assert lossy.returncode == 3
    assert "up(down(y, stash)) = y" in lossy.stderr
    kept = down.read_text(encoding="utf-8").replace('take(c, "/report")', 'keep(c, "/report", "summary")')
    down.write_text(kept, encoding="utf-8")
    done = shared.cli(*added)
    assert done.returncode == 0, done.stderr
    carried = shared.cli("migrations", "run", "scripts", "1.0.0", "2.0.0", file(tmp_path, "c", {"depth": 3}))
    assert json.loads(carried.stdout) == {"scan": {"depth": 3}, "report": "summary"}


def test_one_way_of_a_lens_is_one_key(shared: Daemon, tmp_path: Path) -> None:
    family(shared, "oneway")
    lens = file(tmp_path, "lens", LENS)
    assert shared.cli("migrations", "add", "oneway", "1.0.0", "2.0.0", "--lens", lens, "--one-way").returncode == 0
    assert keys_under(shared, "migrations/oneway/") == ["migrations/oneway/1.0.0/2.0.0"]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--patch", "FILE", "--lens", "FILE"),
        ("--patch", "FILE", "--both"),
        ("--lens", "FILE", "--back", "FILE"),
        ("--patch", "FILE", "--back-lossy", "/a"),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(tmp_path: Path, options: tuple[str, ...]) -> None:
    given = [file(tmp_path, "any", []) if option == "FILE" else option for option in options]
    assert run_cli("migrations", "add", "f", "1.0.0", "2.0.0", *given).returncode == 64


# ------------------------------------------------------------------------------------------------------ run and map


def test_a_dry_run_goes_down_and_comes_back_the_same(example: Daemon, tmp_path: Path) -> None:
    """3.0.0 → 1.0.0 → 3.0.0 through two WebAssembly modules, the stash in a file between."""
    config = {
        "limits": {"depth": 1, "timeout_s": 0.0015},
        "detectors": {"yara": {"enabled": False, "rules_max": 0}, "ml": {"enabled": True, "threshold": 0}},
        "report": {"level": "full"},
    }
    stash = str(tmp_path / "stash")
    asked = ("scan-engine", "3.0.0", "1.0.0", file(tmp_path, "three", config), "--stash-out", stash)
    down = example.cli("migrations", "run", *asked)
    assert down.returncode == 0, down.stderr
    assert "stashed from 3.0.0 to 2.0.0: /limits/timeout_s" in down.stderr
    first = file(tmp_path, "one", json.loads(down.stdout))
    up = example.cli("migrations", "run", "scan-engine", "1.0.0", "3.0.0", first, "--stash", stash, "-o", "json")
    assert up.returncode == 0, up.stderr
    assert json.loads(up.stdout)["config"] == config


def test_a_config_that_is_declined_is_refused_with_the_place(example: Daemon, tmp_path: Path) -> None:
    config = {"scan_depth": 0, "timeout_ms": 5, "heuristics": {"use_yara": True, "max_rules": 4}}
    done = example.cli("migrations", "run", "scan-engine", "1.0.0", "3.0.0", file(tmp_path, "c", config), "-o", "json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["verdict"]["violations"][0]["pointer"] == "/limits/depth"


def test_a_config_is_mapped_between_regions(start: Any, tmp_path: Path) -> None:
    """Asia runs 3.x, Europe 1.x: what is written for Europe is what Asia needs, and nothing is stored."""
    daemon: Daemon = start()
    keys = example_keys() | {"envs/prod/asia-sg/av-engine/version": b"3.0.1"}
    daemon.load(keys)
    config = tmp_path / "config"
    config.write_bytes(keys["configs/av-engine/1.0.0/strict"])
    before = len(keys_under(daemon, "configs/"))
    asked = ("--target", "av-engine", "--from-env", "prod/eu-fr", "--to-env", "prod/asia-sg", str(config))
    done = daemon.cli("map", *asked, "-o", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["from"]["schema"], told["to"]["schema"]) == ("1.0.0", "3.0.0")
    assert told["verdict"]["valid"] is True
    assert told["config"]["limits"]["depth"] > 0
    assert len(keys_under(daemon, "configs/")) == before
    nowhere = daemon.cli("map", "--target", "av-engine", "--from-env", "prod/eu-fr", "--to-env", "test", str(config))
    assert nowhere.returncode == 6
    assert "no version of av-engine" in nowhere.stderr


# ------------------------------------------------------------------------------------------------------ init and build


@pytest.mark.parametrize("language", ["c", "lens", "lua"])
def test_a_project_builds_and_passes_its_law_tests(tmp_path: Path, language: str) -> None:
    """Offline: no daemon is asked."""
    folder = str(tmp_path / "project")
    assert run_cli("migrations", "init", folder, "--lang", language).returncode == 0
    built = run_cli("migrations", "build", folder)
    assert built.returncode == 0, built.stderr
    done = run_cli("migrations", "test", "--project", folder, "-o", "json", *SMALL)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["holds"] is True


def test_a_project_that_loses_something_fails(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    assert run_cli("migrations", "init", str(folder), "--lang", "c").returncode == 0
    source = folder / "migration.c"
    code = source.read_text(encoding="utf-8")
    source.write_text(code.replace('vq_keep(config, "/added", vq_string("usual"));', 'vq_take(config, "/added");'))
    assert run_cli("migrations", "build", str(folder)).returncode == 0
    done = run_cli("migrations", "test", "--project", str(folder), "-o", "json", *SMALL)
    assert done.returncode == 3
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["pointer"], finding["lost"]) == ("/added", "special")


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    done = run_cli("migrations", "init", str(tmp_path), "--lang", "lens")
    assert done.returncode == 5
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_language_without_a_template_is_named(tmp_path: Path) -> None:
    done = run_cli("migrations", "init", str(tmp_path / "x"), "--lang", "cobol")
    assert done.returncode == 3
    assert "assemblyscript" in done.stderr
