"""A migration step run for its own sake, off the event loop, its outcome as a value that the laws can judge."""

from __future__ import annotations

import anyio.lowlevel
import anyio.to_thread

from versiqiid.core.canonical import Json, canonical
from versiqiid.core.document import check_value
from versiqiid.core.envelope import Answer, GuestRefused
from versiqiid.core.laws import Carried, Declined, Failed, Result
from versiqiid.engine.steps import Step, StepRunner, Taken, apply_data
from versiqiid.errors import InvalidInput, MigrationFailed
from versiqiid.ports import MigrationRuntime, Runtime

_DATA = (Runtime.JSON_PATCH, Runtime.LENS)
"""Migrations that are data: where one does not apply, it declines the document; it cannot do anything worse."""


class Transit:
    """Runs steps; what a step does wrong is an outcome, never an exception."""

    def __init__(self, runtime: MigrationRuntime) -> None:
        self._runner = StepRunner(runtime)

    async def run(self, step: Step, document: Json, stash: Json = None) -> tuple[Result, Taken | None]:
        """What the step made of the document, and the whole of its answer where it gave one.

        :param stash: what the opposite step kept aside when it made the document; None = nothing.
        """
        try:
            taken = await self._take(step, document, stash)
            check_value(taken.answer.config)
        except GuestRefused as refusal:
            return Declined(refusal.message, refusal.pointer), None
        except MigrationFailed as failure:
            if step.manifest.runtime in _DATA:
                return Declined(failure.message, failure.pointer), None
            return Failed(failure.message), None
        except InvalidInput as failure:
            return Failed(failure.message), None
        answer = taken.answer
        return Carried(answer.config, taken.output or canonical(answer.config), answer.stash), taken

    async def _take(self, step: Step, document: Json, stash: Json) -> Taken:
        """Copies of copies may work for seconds, so such a patch works in a thread, as guests do anyway."""
        if _grows(step):
            return Taken(Answer(await anyio.to_thread.run_sync(apply_data, step.manifest, document)))
        await anyio.lowlevel.checkpoint()  # a step that is data never waits, and thousands of them come in a row
        return await self._runner.take(step, document, stash)


def _grows(step: Step) -> bool:
    """Whether the step is a patch whose work is not linear in the document: one that copies."""
    patch = step.manifest.patch if step.manifest.runtime == Runtime.JSON_PATCH else ()
    return any(operation["op"] == "copy" for operation in patch)
