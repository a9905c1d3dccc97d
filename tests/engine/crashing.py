"""Wrappers that end the process, as far as the engine can tell, at one chosen call of the store or the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WRITES = ("commit", "append", "intend", "supersede", "next_epoch", "acquire")


class Crash(BaseException):
    """The process ends here. No handler of ours catches it."""


@dataclass
class Plan:
    """Crash at the ``at``-th write call, before or after it took effect; count on when ``at`` is None."""

    at: int | None = None
    after: bool = False
    calls: int = 0
    crashed: bool = False


class Crashing:
    """Passes everything on to what it wraps, and crashes where the plan says."""

    def __init__(self, inner: Any, plan: Plan) -> None:
        self._inner = inner
        self._plan = plan

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._counted(found) if name in WRITES else found

    def _counted(self, call: Any) -> Any:
        async def counted(*args: Any, **kwargs: Any) -> Any:
            plan = self._plan
            mine = plan.calls
            plan.calls += 1
            if plan.crashed or (mine == plan.at and not plan.after):
                plan.crashed = True
                raise Crash
            result = await call(*args, **kwargs)
            if mine == plan.at:
                plan.crashed = True
                raise Crash
            return result

        return counted
