"""Law tests of a project's folder in this process: the daemon's own laws, sandbox and validator, without a daemon."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import anyio

from versiqiid.adapters.validation import ProcessValidator
from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.cli.projects import FAMILY, NEW, OLD, keys_of
from versiqiid.core.snapshot import Observation, Snapshot, Value
from versiqiid.engine.lawcheck import Effort, LawCheck, Report
from versiqiid.engine.pairs import pair


def test_project(folder: Path, effort: Effort) -> dict[str, Any]:
    """What the laws say of the project's migration, both ways, as the daemon would answer.

    :raises NotFound: a file of the project is missing. :raises InvalidInput: it cannot be used.
    """
    snapshot = Snapshot()
    values = {key: Value(raw, 1) for key, raw in keys_of(folder).items()}
    snapshot.apply(Observation(values, index=1, complete=True))
    report = anyio.run(_tried, snapshot, effort)
    return {"family": FAMILY, "from": OLD, "to": NEW, **report.as_json()}


async def _tried(snapshot: Snapshot, effort: Effort) -> Report:
    first, second = pair(snapshot, FAMILY, OLD, NEW)
    async with ProcessValidator() as validator:
        return await LawCheck(validator, WasmRuntime(folder=_compiled())).run(first, second, effort)


def _compiled() -> Path:
    """Where this user keeps what was compiled: a large module is compiled once, not in every test."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "versiqii" / "compiled"
