"""The consumers under ``examples/consumers`` as their users run them, on events that the real sink sent."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.contract.kafka_events import SOURCE, recorded
from tests.contract.vault_setup import Answer, http_server
from versiqiid.adapters.kafka import KafkaEventSink, KafkaSettings
from versiqiid.core.cloudevent import leaf_hash

if TYPE_CHECKING:
    from tests.services.kafka import Kafka

pytestmark = [pytest.mark.anyio, pytest.mark.kafka]

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "consumers"
COUNT = 300


@pytest.fixture
async def prefix(shared_kafka: Kafka) -> str:
    """Topics with 300 entries, of which the last fifty came twice, as after a crash."""
    name = f"ex{uuid.uuid4().hex[:10]}"
    sink = KafkaEventSink(KafkaSettings(bootstrap=shared_kafka.address, topic_prefix=name, partitions=3), SOURCE)
    assert await sink.publish([recorded(i) for i in range(COUNT)]) == COUNT
    assert await sink.publish([recorded(i) for i in range(COUNT - 50, COUNT)]) == 50
    await sink.aclose()
    return name


def command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(FOLDER / name), *arguments]


async def run(name: str, *arguments: str) -> str:
    done = await anyio.run_process(command(name, *arguments), check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


async def test_audit_keeps_each_entry_once_also_over_kill_9(shared_kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """Killed in the middle, it goes on; the file has every entry once, under its leaf hash, and the check says so."""
    file = tmp_path / "audit.jsonl"
    options = ["--bootstrap", shared_kafka.address, "--prefix", prefix, "--file", str(file)]
    async with await anyio.open_process(command("audit.py", *options), stdout=subprocess.DEVNULL) as process:
        with anyio.fail_after(60):
            while not file.exists() or file.read_bytes().count(b"\n") < 40:
                await anyio.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    with file.open("ab") as cut:
        cut.write(b'{"half a line')
    await run("audit.py", *options, "--once")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {line["sequence"]: line["id"] for line in lines} == {i: leaf_hash(recorded(i).entry) for i in range(COUNT)}
    assert len(lines) == COUNT
    assert await run("audit.py", "--file", str(file), "--check") == f"{COUNT} entries, 0 missing\n"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines if line["sequence"] not in (7, 8)))
    checked = await anyio.run_process(command("audit.py", "--file", str(file), "--check"), check=False)
    assert checked.returncode == 1
    assert checked.stdout.decode() == f"{COUNT - 2} entries, 2 missing: [7, 8]\n"


async def test_analytics_counts_without_repetitions(shared_kafka: Kafka, prefix: str) -> None:
    """Each type as often as it was recorded; what came twice is counted as repeated; a second run has nothing left."""
    options = ["--bootstrap", shared_kafka.address, "--prefix", prefix, "--once"]
    told = json.loads((await run("analytics.py", *options)).splitlines()[-1])
    assert told["types"] == Counter(recorded(i).type for i in range(COUNT))
    assert told["days"] == {"2026-03-01": COUNT}
    assert told["repeated"] == 50
    again = json.loads((await run("analytics.py", *options)).splitlines()[-1])
    assert again["types"] == {}


async def test_alerting_tells_of_drift_by_line_and_webhook(shared_kafka: Kafka, prefix: str) -> None:
    """Only drift, both its beginning and its end; a webhook that fails gets the same alert again at the next start."""
    posted: list[dict[str, str]] = []
    fail_at = 5

    def hook(_method: str, _path: str, _headers: dict[str, str], body: bytes) -> Answer:
        if len(posted) == fail_at:
            posted.append({})
            return 500, {}, b""
        posted.append(json.loads(body))
        return 200, {}, b""

    options = ["--bootstrap", shared_kafka.address, "--prefix", prefix, "--once", "--from-beginning"]
    with http_server(hook) as address:
        failed = await anyio.run_process(
            command("alerting.py", *options, "--webhook", f"http://{address}/"), check=False
        )
        assert failed.returncode != 0
        output = await run("alerting.py", *options, "--webhook", f"http://{address}/")
    wanted = {leaf_hash(recorded(i).entry) for i in range(COUNT) if recorded(i).type.startswith("Drift")}
    assert {told["id"] for told in posted if told} == wanted
    assert {line.split()[1] for line in output.splitlines()} == {"DRIFT", "resolved"}


async def test_alerting_misses_nothing_between_two_runs(shared_kafka: Kafka, prefix: str) -> None:
    """First start from now on: silent about the past. What happens while it is away is told at the second start."""
    options = ["--bootstrap", shared_kafka.address, "--prefix", prefix, "--once"]
    assert await run("alerting.py", *options) == ""
    sink = KafkaEventSink(KafkaSettings(bootstrap=shared_kafka.address, topic_prefix=prefix, partitions=3), SOURCE)
    assert await sink.publish([recorded(COUNT + 2)]) == 1
    await sink.aclose()
    assert (await run("alerting.py", *options)).startswith("2026-03-01T12:00:00.000302Z DRIFT ")
