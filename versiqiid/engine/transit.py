"""Migration steps run for their own sake, off the event loop, each outcome a value that the laws can judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import anyio.lowlevel
import anyio.to_thread

from versiqiid.core.canonical import Json, canonical
from versiqiid.core.document import check_value
from versiqiid.core.envelope import Answer, GuestRefused
from versiqiid.core.laws import Carried, Declined, Failed, Result
from versiqiid.engine.steps import Step, StepRunner, Taken, apply_data, guest_call, taken_from
from versiqiid.errors import InvalidInput, MigrationFailed
from versiqiid.ports import GuestCall, GuestResult, MigrationRuntime, Runtime

_DATA = (Runtime.JSON_PATCH, Runtime.LENS)
"""Migrations that are data: where one does not apply, it declines the document; it cannot do anything worse."""

Outcome: TypeAlias = tuple[Result, Taken | None]


@runtime_checkable
class ManyRuntime(Protocol):
    """A runtime's optional power: many calls in one turn of a worker. Waking a worker costs more than a small guest."""

    async def run_many(
        self, calls: Iterable[GuestCall], *, budget_s: float
    ) -> Sequence[GuestResult | MigrationFailed]: ...


class Transit:
    """Runs steps; what a step does wrong is an outcome, never an exception."""

    def __init__(self, runtime: MigrationRuntime) -> None:
        self._runtime = runtime
        self._runner = StepRunner(runtime)

    async def run(self, step: Step, document: Json, stash: Json = None) -> Outcome:
        """What the step made of the document, and the whole of its answer where it gave one.

        :param stash: what the opposite step kept aside when it made the document; None = nothing.
        """
        if _grows(step):
            return await anyio.to_thread.run_sync(_outcome, step, lambda: _of_data(step, document))
        await anyio.lowlevel.checkpoint()  # a step that is data never waits, and thousands of them come in a row
        try:
            taken = await self._runner.take(step, document, stash)
        except (MigrationFailed, InvalidInput) as failure:
            return _failure(step, failure), None
        return _outcome(step, lambda: taken)

    async def run_many(self, step: Step, inputs: Sequence[tuple[Json, Json]], *, budget_s: float) -> list[Result]:
        """What the step made of each document with its stash, in order.

        :param budget_s: seconds after which no further one is begun: then there are fewer answers, but at least one.
        """
        if step.manifest.runtime in _DATA:
            return await anyio.to_thread.run_sync(_all_data, step, [document for document, _ in inputs], budget_s)
        if isinstance(self._runtime, ManyRuntime):
            calls = (guest_call(step, document, stash) for document, stash in inputs)
            found = await self._runtime.run_many(calls, budget_s=budget_s)
            return await anyio.to_thread.run_sync(_all_told, step, found)
        deadline, told = anyio.current_time() + budget_s, []
        for document, stash in inputs:
            told.append((await self.run(step, document, stash))[0])
            if anyio.current_time() > deadline:
                break
        return told


def _all_data(step: Step, documents: Sequence[Json], budget_s: float) -> list[Result]:
    deadline, told = time.monotonic() + budget_s, []
    for document in documents:
        told.append(_outcome(step, lambda given=document: _of_data(step, given))[0])  # type: ignore[misc]
        if time.monotonic() > deadline:
            break
    return told


def _all_told(step: Step, found: Sequence[GuestResult | MigrationFailed]) -> list[Result]:
    return [
        _failure(step, each) if isinstance(each, MigrationFailed) else _outcome(step, lambda it=each: taken_from(it))[0]  # type: ignore[misc]
        for each in found
    ]


def _of_data(step: Step, document: Json) -> Taken:
    return Taken(Answer(apply_data(step.manifest, document)))


def _outcome(step: Step, take: Callable[[], Taken]) -> Outcome:
    try:
        taken = take()
        check_value(taken.answer.config)
    except (MigrationFailed, InvalidInput) as failure:
        return _failure(step, failure), None
    answer = taken.answer
    return Carried(answer.config, taken.output or canonical(answer.config), answer.stash), taken


def _failure(step: Step, failure: MigrationFailed | InvalidInput) -> Result:
    if isinstance(failure, GuestRefused):
        return Declined(failure.message, failure.pointer)
    if isinstance(failure, MigrationFailed) and step.manifest.runtime in _DATA:
        return Declined(failure.message, failure.pointer)
    return Failed(failure.message)


def _grows(step: Step) -> bool:
    """Whether the step is a patch whose work is not linear in the document: one that copies."""
    patch = step.manifest.patch if step.manifest.runtime == Runtime.JSON_PATCH else ()
    return any(operation["op"] == "copy" for operation in patch)
