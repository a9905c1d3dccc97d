"""The command line against a real daemon: every object both ways in, every form out, every exit code, no traceback."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon, clean_environment, command, run_cli, scan_world, until
from versiqiid.core.document import read

BINDING = "prod/asia/av/default"
CONFIG = "configs/av/1.0.0/default"


@pytest.fixture(scope="module")
def world(shared: Daemon) -> Daemon:
    """A daemon with the small world; tests leave its keys as they are."""
    shared.load(scan_world())
    shared.until_status(BINDING, state="InSync")
    return shared


def room(daemon: Daemon, name: str) -> dict[str, str]:
    with daemon.client() as client:
        items = client.get(f"/v1/{name}/", params={"values": "true", "page_size": "10000"}).json()["items"]
    return {item["key"]: item["value"] for item in items}


# ----------------------------------------------------------------------------------------- two ways in, one result


def by_commands(daemon: Daemon, folder: Path) -> None:
    """The small world, written with the commands for its objects."""
    files: dict[str, str] = {}
    for number, (key, raw) in enumerate(scan_world().items()):
        path = folder / str(number)
        path.write_bytes(raw)
        files[key] = str(path)
    patches = {}
    for way in ("1.0.0/2.0.0", "2.0.0/1.0.0"):
        patch = folder / way.replace("/", "-")
        patch.write_text(json.dumps(json.loads(scan_world()[f"migrations/scan/{way}"])["patch"]))
        patches[way] = str(patch)
    for line in (
        ["families", "create", "scan", "--language", "json-schema"],
        ["schemas", "add", "--family", "scan", "--version", "1.0.0", files["schemas/scan/1.0.0"]],
        ["schemas", "add", "--type", "scan", "--version", "2.0.0", files["schemas/scan/2.0.0"]],
        ["migrations", "add", "scan", "1.0.0", "2.0.0", "--patch", patches["1.0.0/2.0.0"]],
        ["migrations", "add", "scan", "2.0.0", "1.0.0", "--patch", patches["2.0.0/1.0.0"]],
        ["targets", "create", "av", "--family", "scan", "--schema", "1.x=1.0.0", "--schema", "2.x=2.0.0"],
        ["configs", "create", "--target", "av", "--version", "1.0.0", files[CONFIG]],
        ["bindings", "create", "--config", CONFIG, "--env", "prod"],
        ["env", "set-target", "prod/asia", "av", "1.4.0"],
    ):
        done = daemon.cli(*line)
        assert done.returncode == 0, (line, done.stderr)


def by_keys(daemon: Daemon, _: Path) -> None:
    """The same, as plain keys."""
    for key, raw in scan_world().items():
        done = daemon.cli("kv", "put", key, "-", stdin=raw)
        assert (done.returncode, done.stdout) == (0, f"{key}\n"), done.stderr


def test_two_ways_in_one_result(start: Callable[..., Daemon], tmp_path: Path) -> None:
    """Byte-identical effective configs and equal statuses, through an upgrade and back."""
    found = []
    for write in (by_commands, by_keys):
        daemon = start(folder=tmp_path / write.__name__)
        write(daemon, tmp_path)
        steps = []
        daemon.until_status(BINDING, state="InSync", targetVersion="1.4.0")
        for version, state in (("2.0.0", "Migrated"), ("1.5.0", "InSync")):
            assert daemon.cli("regions", "set-engine", "prod/asia", "av", version).returncode == 0
            status = daemon.until_status(BINDING, state=state, targetVersion=version)
            told = {k: v for k, v in status.items() if k not in ("since", "observedAt", "correlationId", "journal")}
            told["source"] = {"key": told["source"]["key"], "value": read(room(daemon, "configs")[CONFIG].encode())}
            steps.append((room(daemon, "effective"), told))
        found.append((steps, {k: read(v.encode()) for k, v in room(daemon, "schemas").items()}))
    for (steps, schemas), (others, other_schemas) in [(found[0], found[1])]:
        assert schemas == other_schemas
        for (effective, status), (effective_2, status_2) in zip(steps, others, strict=True):
            assert effective == effective_2
            for step in (*status["steps"], *status_2["steps"]):
                step.pop("digest")  # of the manifest's bytes, which people may write as they like
            assert status == status_2


def test_the_universal_hello_world(daemon: Daemon, tmp_path: Path) -> None:
    """What one command prints, the next one takes: target, config, binding, version."""
    schema, config = tmp_path / "schema", tmp_path / "config"
    schema.write_text('{"type": "object", "required": ["a"]}')
    config.write_text("a: 1\n")
    done = daemon.cli("schemas", "add", "--family", "payments", "--version", "2025-07-01", str(schema))
    assert done.returncode == 0, done.stderr
    assert "payments was not there" in done.stderr
    target = daemon.cli("targets", "create", "--name", "payment-api", "--family", "payments", "--version", "3.2.1")
    assert target.returncode == 0, target.stderr
    made = daemon.cli("configs", "create", "--target", target.stdout.strip(), "-", stdin=config.read_bytes())
    assert made.stdout == "configs/payment-api/2025-07-01/default\n", made.stderr
    bound = daemon.cli("bindings", "create", "--config", made.stdout.strip(), "--env", "prod-eu")
    assert bound.returncode == 0, bound.stderr
    assert "set-target prod-eu payment-api" in bound.stderr
    assert daemon.cli("env", "set-target", "prod-eu", "payment-api@3.2.1").returncode == 0
    daemon.until_status("prod-eu/payment-api/default", state="InSync")
    for words in (["--target", "payment-api@3.2.1"], ["--target", "payment-api", "--env", "prod-eu"], []):
        assert daemon.cli("validate", "--file", str(config), *words).returncode == 0
        assert daemon.cli("validate", "--file", "-", *words, stdin=b"{}").returncode == 3


# ----------------------------------------------------------------------------------------------------------- forms

LISTS = (
    "families list", "schemas list", "migrations list", "targets list", "configs list", "bindings list", "env list",
    "regions list", "drifts list", "drifts matrix", "status", "audit list", "kv ls", "doctor",
    f"configs history {CONFIG}",
)  # fmt: skip


@pytest.mark.parametrize("line", LISTS)
def test_every_list_in_every_form(world: Daemon, line: str) -> None:
    """JSON and YAML hold the same; a table has a head; names are one a line, and -o may stand anywhere."""
    words = line.split()
    as_json = world.cli(*words, "-o", "json")
    assert as_json.returncode == 0, as_json.stderr
    rows = json.loads(as_json.stdout)
    assert isinstance(rows, list)
    before = world.cli("-o", "json", *words)
    assert [set(row) for row in json.loads(before.stdout)] == [set(row) for row in rows]
    yaml = world.cli(*words, "-oyaml")
    assert yaml.returncode == 0, yaml.stderr
    assert len(read(yaml.stdout.encode()) if yaml.stdout.strip() else []) == len(rows)
    names = world.cli(*words, "--output=name").stdout.splitlines()
    assert len(names) == len(rows)
    for form in ("table", "wide"):
        table = world.cli(*words, VERSIQII_FORMAT=form).stdout.splitlines()
        assert len(table) >= len(rows)
        assert all(line == line.rstrip() and "\x1b" not in line for line in table)


def test_names_are_what_other_commands_take(world: Daemon) -> None:
    """Keys where keys are taken."""
    for line in ("configs list", "bindings list", "env list", "schemas list", "migrations list", "kv ls"):
        for name in world.cli(*line.split(), "-o", "name").stdout.split():
            assert world.cli("kv", "get", name).returncode == 0, (line, name)


# ------------------------------------------------------------------------------------------------------ exit codes


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("status", 0, ""),
        ("--version", 0, ""),
        ("completion bash", 0, ""),
        ("drifts list --detailed-exitcode", 0, ""),
        ("validate --family scan --version 2.0.0 --file -", 3, "expected an object"),
        ("configs create --target av --version 2.0.0 -", 3, "expected an object"),
        ("schemas add --family scan --version 9.0.0 -", 3, ""),
        ("kv put effective/prod/asia/av/default x", 4, "daemon only"),
        ("kv put --check-index 0 configs/av/1.0.0/default x", 5, "nothing was written"),
        ("kv rm --check-index 999999 configs/av/1.0.0/default", 5, "nothing was written"),
        ("env set-target prod/asia av 1.4.1 --check-index 999999", 5, "nothing was written"),
        ("kv put schemas/scan/1.0.0 {}", 5, "cannot be changed"),
        ("kv get configs/av/1.0.0/absent", 6, "does not exist"),
        ("configs history configs/av/1.0.0/absent", 6, "no revision"),
        ("configs show configs/av/1.0.0/default --at 999999", 6, "no revision"),
        ("rollback configs/av/1.0.0/default --to no-such-id", 6, "no-such-id"),
        ("rollback --undo no-such-id", 6, "no-such-id"),
        ("bindings delete bindings/prod/av/absent", 6, "does not exist"),
        ("validate --target absent@1.0.0 --file -", 6, "targets/absent"),
        ("", 64, "Usage"),
        ("nonsense", 64, "nonsense"),
        ("configs nonsense", 64, "nonsense"),
        ("kv get", 64, "KEY"),
        ("kv get not/in/the/layout", 64, "not in the key layout"),
        ("kv get a//b", 64, "not in the key layout"),
        ("status -o xml", 64, "xml"),
        ("configs create --target av --version 1.0.0 /no/such/file", 64, "/no/such/file"),
        ("validate --schema /no/such/schema --file -", 64, "/no/such/schema"),
        ("rollback prod", 64, "--to"),
        ("rollback", 64, "--to"),
        ("--addr ftp://x status", 64, "addr"),
        ("--addr http://[bad status", 64, "addr"),
        ("--token-file /no/such/token status", 64, "/no/such/token"),
        ("--correlation-id 17 kv put configs/av/1.0.0/x y", 3, "X-Correlation-Id"),
        ("kv ls --store redis://x", 64, "store"),
        ("kv ls --store sqlite:////no/such/file.db", 6, "no store"),
    ],
)  # fmt: skip
def test_exit_codes(world: Daemon, line: str, code: int, said: str) -> None:
    """One sentence to standard error with the place, and the code of the table; nothing on standard output."""
    done = world.cli(*line.split(), stdin=b"[]" if "schemas add" not in line else b"{")
    assert done.returncode == code, done.stderr
    assert said in done.stderr + done.stdout
    if code not in (0, 3):
        assert done.stdout == ""


def test_nobody_there() -> None:
    """75 with the hint; a foreign server is 1 or 75, never a traceback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        for line in (["status"], ["kv", "put", "configs/a/1/b", "x"], ["audit", "tail"], ["kv", "watch"]):
            done = run_cli(*line, VERSIQII_ADDR=f"http://{address}")
            assert done.returncode == 75, done.stderr
            assert "VERSIQII_ADDR" in done.stderr
        assert run_cli("doctor", VERSIQII_ADDR=address).returncode == 1


def test_drift_only_with_the_detailed_exit_code(daemon: Daemon) -> None:
    """A refused config is drift in the schema dimension: exit 2 when asked for, 0 otherwise."""
    daemon.load(scan_world())
    daemon.load({CONFIG: b'{"depth": 10}'})
    daemon.until_status(BINDING, state="Rejected")
    for _ in until("the drift is told"):
        if daemon.cli("drifts", "list", "-o", "name").stdout:
            break
    assert daemon.cli("drifts", "list").returncode == 0
    assert daemon.cli("drifts", "list", "--detailed-exitcode").returncode == 2
    assert daemon.cli("drifts", "list", "--dimension", "target", "--detailed-exitcode").returncode == 0
    assert daemon.cli("doctor", "--detailed-exitcode").returncode == 2
    assert daemon.cli("status", BINDING).returncode == 0


@pytest.mark.parametrize("line", ["env set-target prod/asia av 1.9.0", "kv rm --help"])
def test_a_dry_run_writes_nothing(world: Daemon, line: str) -> None:
    before = room(world, "envs")
    assert world.cli(*line.split(), *(["--dry-run"] if "--help" not in line else [])).returncode == 0
    assert room(world, "envs") == before


def test_check_index_writes_over_exactly_that(daemon: Daemon) -> None:
    made = daemon.cli("env", "set-target", "prod", "av", "1.0.0", "--check-index", "0", "-o", "json")
    revision = json.loads(made.stdout)["revision"]
    assert daemon.cli("env", "set-target", "prod", "av", "1.1.0", "--check-index", "0").returncode == 5
    assert daemon.cli("env", "set-target", "prod", "av", "1.1.0", "--check-index", str(revision)).returncode == 0
    assert daemon.cli("env", "set-target", "prod", "av", "1.2.0", "--check-index", str(revision)).returncode == 5


# --------------------------------------------------------------------------------------------- tokens, interruption


def test_tokens(start: Callable[..., Daemon], tmp_path: Path) -> None:
    """401 is exit 4 with the hint; probes and the API's own pages need none; who wrote is a digest, never the token."""
    tokens = tmp_path / "tokens"
    tokens.write_text("first-secret\nsecond-secret\n")
    daemon = start("--api-token-file", str(tokens))
    with daemon.client() as client:
        for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
        for path in ("/v1/status", "/metrics", "/v1/events?limit=1", "/nothing"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert answer.json()["code"] == "unauthenticated"
        for given in ("Bearer wrong", "Basic first-secret", "first-secret", "Bearer", "Bearer \xe9"):
            headers = [(b"Authorization", given.encode("latin-1"))]
            assert client.get("/v1/status", headers=headers).status_code == 401
    done = daemon.cli("status")
    assert done.returncode == 4
    assert "VERSIQII_TOKEN" in done.stderr
    assert daemon.cli("kv", "put", "configs/a/1/b", "x", VERSIQII_TOKEN="second-secret").returncode == 0
    assert daemon.cli("status", "--token-file", str(tokens)).returncode == 0
    told = daemon.cli("audit", "list", "--key", "configs/a/1/b", "-o", "json", VERSIQII_TOKEN="first-secret").stdout
    (entry,) = json.loads(told)
    assert entry["actor"] == {**entry["actor"], "kind": "token", "via": "cli"}
    assert "secret" not in told + daemon.text()


def test_without_tokens_no_foreign_page_is_served(world: Daemon) -> None:
    """What a browser sends for somebody else's page is refused: by its Origin, or by a name that points here."""
    with world.client() as client:
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}):
            answer = client.post("/v1/txn", content=b"{}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert client.get("/v1/status", headers={"Origin": world.url}).status_code == 200
        assert client.get("/v1/status", headers={"Host": "localhost:1"}).status_code == 200


def lines_of(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    yield from process.stdout


@pytest.mark.parametrize("offline", [False, True])
def test_watch_keys(daemon: Daemon, offline: bool) -> None:
    """Events from the moment it says that it watches; --count ends it, an interrupt is 130."""
    where = ["--store", f"sqlite:///{daemon.data_dir}/store.db"] if offline else []
    arguments = [*command("versiqii"), "kv", "watch", "configs/a", *where]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = clean_environment(VERSIQII_ADDR=daemon.url)
    with subprocess.Popen(arguments, env=environment, **pipes) as process, closing(lines_of(process)) as lines:  # type: ignore[call-overload]
        assert process.stderr.readline() == "watching\n"
        daemon.load({"configs/other/1/b": b"1"})
        daemon.load({"configs/a/1/b": b"1"})
        assert json.loads(next(lines))["event"] == "created"
        daemon.load({"configs/a/1/b": b"2"})
        event: dict[str, Any] = json.loads(next(lines))
        assert (event["event"], event["key"]) == ("updated", "configs/a/1/b")
        process.send_signal(2)
        assert process.wait(30) == 130
        assert "Traceback" not in process.stderr.read()


def test_offline_keys(tmp_path: Path) -> None:
    """get, put, ls, rm and txn on a store of one's own, --store before or behind the command."""
    store = f"sqlite:///{tmp_path}/store.db"
    assert run_cli("kv", "put", "--store", store, CONFIG, "one").returncode == 0
    assert run_cli("kv", "--store", store, "get", CONFIG).stdout == "one"
    assert run_cli("kv", "put", CONFIG, "two", "--check-index", "0", "--store", store).returncode == 5
    operations = {"operations": [{"op": "set", "key": "configs/a/1/b", "valueBase64": "/w=="}]}
    assert run_cli("kv", "txn", "--store", store, stdin=json.dumps(operations).encode()).returncode == 0
    for broken in ("", "[]", '{"operations": [{}]}', '{"operations": [{"op": "set", "key": "configs/a/1/b"}]}'):
        assert run_cli("kv", "txn", "-", "--store", store, stdin=broken.encode()).returncode == 3
    assert run_cli("kv", "ls", "--store", store).stdout.split() == ["configs/a/1/b", CONFIG]
    assert json.loads(run_cli("kv", "get", "configs/a/1/b", "-ojson", "--store", store).stdout)["valueBase64"] == "/w=="
    assert run_cli("kv", "rm", CONFIG, "--store", store).returncode == 0
    assert run_cli("kv", "rm", CONFIG, "--store", store).returncode == 6


def test_a_reader_that_has_seen_enough(world: Daemon) -> None:
    """`versiqii … | head -1` says nothing about a broken pipe."""
    line = f"{' '.join(repr(word) for word in command('versiqii'))} audit list --all | head -1"
    environment = clean_environment(VERSIQII_ADDR=world.url)
    done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_offline_validation_in_the_words_of_ci(tmp_path: Path) -> None:
    """Pointers for people, annotations for GitHub, SARIF for the rest; no value is quoted."""
    schema, config = tmp_path / "schema", tmp_path / "config.yaml"
    schema.write_text('{"properties": {"password": {"type": "integer"}}}')
    config.write_text("password: hunter2\n")
    words = ["validate", "--file", str(config), "--schema", str(schema)]
    for form, expected in (("text", "/password"), ("github", "::error file="), ("sarif", '"ruleId": "type"')):
        done = run_cli(*words, "--format", form)
        assert done.returncode == 3
        assert expected in done.stdout
        assert "hunter2" not in done.stdout + done.stderr
    assert json.loads(run_cli(*words, "--format", "sarif").stdout)["version"] == "2.1.0"
    config.write_text("password: 1\n")
    assert run_cli(*words).returncode == 0
    schema.write_text("{")
    assert run_cli(*words).returncode == 3
