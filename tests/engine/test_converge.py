"""The path of one change, end to end in one process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.world import running, scan_world

pytestmark = pytest.mark.anyio

WHERE = "prod/asia/av/default"


async def test_config_for_the_running_version_is_effective_as_it_is(tmp_path: Path) -> None:
    """A config written for the needed schema becomes effective in canonical form, and its status says so."""
    async with running(tmp_path) as world:
        await world.write(scan_world())
        status = await world.until(WHERE, state="InSync")
        assert await world.get(f"effective/{WHERE}") == b'{"depth":3}'
        assert status["schemaVersion"] == "1.0.0"
        assert status["targetVersion"] == "1.4.0"
        assert status["source"]["key"] == "configs/av/1.0.0/default"
        assert status["reason"] == ""
        assert status["violations"] == []


async def test_moved_version_key_migrates_the_config(tmp_path: Path) -> None:
    """Moving the version key is an engine upgrade: the config follows, and the journal says when and why."""
    async with running(tmp_path) as world:
        await world.write(scan_world())
        await world.until(WHERE, state="InSync")
        await world.write({"envs/prod/asia/av/version": "2.1.3"})
        status = await world.until(WHERE, state="Migrated")
        assert await world.effective(WHERE) == {"scan": {"depth": 3}}
        assert [(step["from"], step["to"], step["runtime"]) for step in status["steps"]] == [
            ("1.0.0", "2.0.0", "json-patch")
        ]
        await world.settled()
        settlement = (await world.entries(stream=f"binding/{WHERE}"))[-1]
        assert settlement["position"] == status["journal"]
        assert settlement["type"] == "EffectiveApplied"
        shift = next(e for e in await world.entries(type="TargetVersionShifted") if e["data"]["version"] == "2.1.3")
        assert settlement["correlationId"] == shift["correlationId"] == status["correlationId"]
        assert settlement["position"] > shift["position"]


async def test_refused_change_leaves_the_last_good_config(tmp_path: Path) -> None:
    """A result that does not fit the schema is refused with its pointer; the last good config stays."""
    async with running(tmp_path) as world:
        await world.write(scan_world())
        await world.until(WHERE, state="InSync")
        await world.write({"configs/av/1.0.0/default": {"depth": 12}})
        await world.until(WHERE, state="InSync", effectiveDigest=(await world.status(WHERE) or {})["effectiveDigest"])
        await world.settled()
        assert await world.effective(WHERE) == {"depth": 12}
        await world.write({"envs/prod/asia/av/version": "2.0.0"})
        status = await world.until(WHERE, state="Rejected")
        assert await world.effective(WHERE) == {"depth": 12}
        assert status["violations"][0]["pointer"] == "/scan/depth"
        assert status["violations"][0]["keyword"] == "maximum"
        assert status["reason"].startswith("migrations/scan/1.0.0/2.0.0 (sha256:")
        assert "12" not in status["violations"][0]["message"]


async def test_foreign_write_is_healed(tmp_path: Path) -> None:
    """Under effective/ the daemon's word wins, for a healthy and for a refused binding."""
    async with running(tmp_path) as world:
        await world.write(scan_world())
        await world.until(WHERE, state="InSync")
        await world.write({f"effective/{WHERE}": {"evil": True}})
        await world.settled()
        assert await world.effective(WHERE) == {"depth": 3}
        assert (await world.entries(type="ForeignWriteHealed"))[-1]["data"]["binding"] == WHERE
        await world.write({"configs/av/1.0.0/default": "{"})
        await world.until(WHERE, state="Rejected")
        await world.write({f"effective/{WHERE}": {"evil": True}})
        await world.settled()
        assert await world.effective(WHERE) == {"depth": 3}


async def test_removed_binding_removes_its_keys(tmp_path: Path) -> None:
    """What no binding explains is removed, and only that."""
    async with running(tmp_path) as world:
        await world.write(scan_world() | {"bindings/prod/asia/av/other": {"config": "default"}})
        await world.until(WHERE, state="InSync")
        await world.until("prod/asia/av/other", state="InSync")
        await world.write({"bindings/prod/av/default": None})
        await world.settled()
        assert await world.get(f"effective/{WHERE}") is None
        assert await world.get(f"status/{WHERE}") is None
        assert await world.effective("prod/asia/av/other") == {"depth": 3}
        assert (await world.entries(type="EffectiveRemoved"))[-1]["data"]["binding"] == WHERE


async def test_drift_appears_and_resolves(tmp_path: Path) -> None:
    """A refused binding is schema drift of its environment and target, until it is mended."""
    async with running(tmp_path) as world:
        await world.write(scan_world())
        await world.until(WHERE, state="InSync")
        await world.write({"configs/av/1.0.0/default": {"depth": 12}, "envs/prod/asia/av/version": "2.0.0"})
        await world.until(WHERE, state="Rejected")
        await world.settled()
        drift = json.loads(await world.get("drift/prod/asia/av") or b"{}")
        assert [d["dimension"] for d in drift["drifts"]] == ["schema"]
        await world.write({"configs/av/1.0.0/default": {"depth": 2}})
        await world.until(WHERE, state="Migrated")
        await world.settled()
        assert await world.get("drift/prod/asia/av") is None
        assert [e["type"] for e in await world.entries(stream="drift/prod/asia/av")] == [
            "DriftDetected",
            "DriftResolved",
        ]


async def test_journal_verifies_as_a_chain_of_causes(tmp_path: Path) -> None:
    """Every settlement follows the change that caused it."""
    async with running(tmp_path) as world:
        await world.write(scan_world())
        await world.until(WHERE, state="InSync")
        await world.settled()
        entries = await world.entries()
        assert [entry["position"] for entry in entries] == list(range(len(entries)))
        kinds = [entry["type"] for entry in entries]
        assert kinds[0] == "LeaderElected"
        assert kinds.index("BindingCreated") < kinds.index("EffectiveApplied")


async def test_cause_is_recorded_before_its_effect_however_busy(tmp_path: Path) -> None:
    """No decision is made from a change that the journal does not hold yet, so its source stands before it."""
    async with running(tmp_path) as world:
        await world.write(scan_world())
        for number in range(30):
            version = "2.1.3" if number % 2 else "1.4.0"
            await world.write({"envs/prod/asia/av/version": version, "configs/av/1.0.0/default": {"depth": number % 9}})
        await world.settled()
        revised: dict[int, int] = {}
        for entry in await world.entries():
            if entry["type"] == "ConfigRevised":
                revised[entry["data"]["revision"]] = entry["position"]
            if entry["type"] == "EffectiveApplied" and entry["data"]["binding"] == WHERE:
                revision = entry["data"]["source"]["revision"]
                assert revised[revision] < entry["position"]
