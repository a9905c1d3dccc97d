"""Validator and runtime with a stopwatch: outcomes and times as metrics, nothing else changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from versiqiid.core.violation import Violation
from versiqiid.errors import MigrationFailed, VersiqiiError
from versiqiid.ports import GuestCall, GuestResult, Metrics, MigrationRuntime, ValidationRequest, Validator


@dataclass(frozen=True, slots=True)
class MeasuredValidator:
    """:ivar inner: who judges."""

    inner: Validator
    metrics: Metrics

    async def validate(self, request: ValidationRequest) -> tuple[Violation, ...]:
        try:
            found = await self.inner.validate(request)
        except VersiqiiError:
            self.metrics.count("versiqii_validations_total", outcome="failed")
            raise
        self.metrics.count("versiqii_validations_total", outcome="rejected" if found else "ok")
        return found

    async def check_schema(self, request: ValidationRequest) -> None:
        await self.inner.check_schema(request)


@dataclass(frozen=True, slots=True)
class MeasuredRuntime:
    """:ivar inner: who runs guests. :ivar clock: monotonic seconds."""

    inner: MigrationRuntime
    metrics: Metrics
    clock: Callable[[], float]

    async def run(self, call: GuestCall) -> GuestResult:
        began = self.clock()
        try:
            result = await self.inner.run(call)
        except MigrationFailed:
            self.metrics.count("versiqii_migrations_total", outcome="failed")
            raise
        self.metrics.count("versiqii_migrations_total", outcome="ok")
        self.metrics.observe("versiqii_migration_seconds", self.clock() - began)
        return result
