"""Registering a migration whose module takes long to compile: told in time, nothing written, and tried again later."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from tests.contract.wasm_guests import guest
from tests.engine.steps import NEW, OLD, world
from versiqiid.adapters.memory import MemoryStore
from versiqiid.adapters.validation import ProcessValidator
from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.api import migrations
from versiqiid.api.migrations import Migrations
from versiqiid.api.service import Write
from versiqiid.core.laws import LawBroken
from versiqiid.errors import Unavailable
from versiqiid.ports import GuestCall, GuestResult, Set

pytestmark = pytest.mark.anyio


class Slow:
    """A runtime whose compiler takes its time until it is told to be done."""

    def __init__(self) -> None:
        self.done = anyio.Event()

    async def run(self, call: GuestCall) -> GuestResult:
        await self.done.wait()
        return await WasmRuntime().run(call)


async def test_a_registration_does_not_wait_for_a_compiler_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "COMPILING_S", 0.01)
    module = guest("unreachable")
    keys: dict[str, Any] = world(module, module, old=OLD, new=NEW)
    raw = {key: value if isinstance(value, bytes) else json.dumps(value).encode() for key, value in keys.items()}
    registered = [key for key in raw if key.startswith("migrations/")]
    store = MemoryStore()
    await store.commit([Set(f"versiqii/{key}", value) for key, value in raw.items() if key not in registered])
    runtime = Slow()
    service: Any = SimpleNamespace(store=store, root="versiqii")
    writes = [Write("set", key, raw[key]) for key in registered]
    async with ProcessValidator() as validator:
        asked = Migrations(service, validator, runtime)
        with pytest.raises(Unavailable, match="its module is being compiled") as told:
            await asked.check(writes)
        assert told.value.maybe_written is False
        assert "Try again" in told.value.hint
        monkeypatch.setattr(migrations, "COMPILING_S", 60.0)
        runtime.done.set()
        with pytest.raises(LawBroken, match="unreachable code"):
            await asked.check(writes)
