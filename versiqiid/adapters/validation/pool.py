"""The validator that the engine sees: a few workers, started when they are first needed and replaced when they die."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import anyio

from versiqiid.adapters.validation.process import Worker, WorkerGoneError
from versiqiid.core.violation import Violation
from versiqiid.errors import Unavailable, UnusableSchema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from versiqiid.ports import ValidationRequest

    Verdict = tuple[Violation, ...] | UnusableSchema

CPU_S: Final = 2.0
MEMORY_BYTES: Final = 1 << 30
_WALL_S: Final = 60.0  # a backstop for a machine that gives the worker no CPU; arbitrary
_TOGETHER_MAX: Final = 64  # requests in one conversation; bounds how long the last of them waits for the others
_KNOWN_MAX: Final = 10_000  # keys remembered as sent; a forgotten one costs one more sending
_HINT: Final = "simplify the schema: nested combinations and references to itself cost most"


@dataclass(slots=True, eq=False)
class _Ticket:
    """A request on its way to its verdict.

    :ivar waits: nobody is asking a worker for it just now. :ivar looked_at: set when that changed.
    """

    request: ValidationRequest
    verdict: Verdict | None = None
    waits: bool = True
    looked_at: anyio.Event = field(default_factory=anyio.Event)


class ProcessValidator:
    """Judges documents in worker processes. Closed by ``aclose``, or as an async context manager.

    :param workers: at most this many processes; each judges one document at a time.
    :param cpu_s: CPU seconds that one validation may take, compiling its schema included.
    :param memory_bytes: address space of a worker.
    """

    def __init__(self, *, workers: int = 1, cpu_s: float = CPU_S, memory_bytes: int = MEMORY_BYTES) -> None:
        self._cpu_s = cpu_s
        self._memory_bytes = memory_bytes
        self._slots = anyio.Semaphore(workers)
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._closed = False
        self._turns = anyio.Semaphore(workers)
        self._waiting: list[_Ticket] = []

    async def validate(self, request: ValidationRequest) -> tuple[Violation, ...]:
        """The violations, empty when the document fits. Requests that wait for the same worker go in one conversation.

        :raises UnusableSchema: the schema cannot judge anything, or took more than it may (``work limit: …``).
        :raises Unavailable: the worker was killed by somebody else, twice, or the machine gave it no time; nothing is
            known of the document.
        """
        ticket = _Ticket(request)
        self._waiting.append(ticket)
        try:
            while ticket.verdict is None:
                async with self._turns:
                    if ticket.waits:
                        await self._serve()
                if not ticket.waits and ticket.verdict is None:
                    await ticket.looked_at.wait()
        finally:
            if ticket.waits:
                self._waiting.remove(ticket)
        return _raised(ticket.verdict)

    async def _serve(self) -> None:
        """Answer those who wait now; who is left without an answer by a failure waits again and takes a turn."""
        served, self._waiting = self._waiting[:_TOGETHER_MAX], self._waiting[_TOGETHER_MAX:]
        for ticket in served:
            ticket.waits = False
        try:
            if len(served) == 1:
                request = served[0].request
                served[0].verdict = await self._judge(_item(request, with_document=True), request)
                return
            verdicts = await self.validate_many([ticket.request for ticket in served])
            for ticket, verdict in zip(served, verdicts, strict=True):
                ticket.verdict = verdict
        finally:
            left = [ticket for ticket in served if ticket.verdict is None]
            self._waiting = [*left, *self._waiting]
            for ticket in left:
                ticket.waits = True
            for ticket in served:
                looked_at, ticket.looked_at = ticket.looked_at, anyio.Event()
                looked_at.set()

    async def check_schema(self, request: ValidationRequest) -> None:
        """Return when the schema is usable; its document is ignored.

        :raises UnusableSchema: as above.
        :raises Unavailable: as above.
        """
        _raised(await self._judge(_item(request, with_document=False), request))

    async def validate_many(self, requests: Sequence[ValidationRequest]) -> list[Verdict]:
        """For each request, in order, its violations or why its schema is unusable; one conversation for all of them.

        :raises Unavailable: as above.
        """
        items = [_item(request, with_document=True) for request in requests]
        try:
            return [_verdict(result) for result in await self._converse(items, requests)]
        except WorkerGoneError:
            return [await self._judge(item, request) for item, request in zip(items, requests, strict=True)]

    async def aclose(self) -> None:
        """End the workers. What is being asked at the moment ends with Unavailable."""
        self._closed = True
        for worker in tuple(self._all):
            worker.kill()
        self._all.clear()
        self._idle.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _judge(self, item: dict[str, Any], request: ValidationRequest) -> Verdict:
        """The verdict on one item.

        Time is the item's own fault at once. Room is only when a fresh worker had too little of it, too: another schema
        may have used it up. Any other death (a kill by hand, the kernel short of memory) is tried again once.
        """
        gone = WorkerGoneError(0)
        for _ in range(2):
            try:
                return _verdict((await self._converse([item], [request]))[0])
            except WorkerGoneError as error:
                gone = error
                if gone.out_of_time:
                    break
        name = request.schema_digest
        if gone.out_of_time:
            return UnusableSchema(f"work limit: over {self._cpu_s:g} s of CPU with schema {name}", hint=_HINT)
        if gone.out_of_room:
            return UnusableSchema(f"work limit: out of memory or stack with schema {name}", hint=_HINT)
        raise Unavailable(f"the validation worker ended ({gone}) with schema {name}", hint="try again")

    async def _converse(
        self, items: list[dict[str, Any]], requests: Sequence[ValidationRequest]
    ) -> list[dict[str, Any]]:
        """Ask a worker; a schema goes along when this worker has not seen it, or has forgotten it.

        :raises WorkerGoneError: the worker ended; the next question starts another one.
        """
        async with self._slots:
            worker = await self._take()
            try:
                with anyio.fail_after(_WALL_S):
                    results = await worker.ask(_introduced(worker, items, requests))
                    again = [index for index, result in enumerate(results) if "unknown" in result]
                    if again:
                        full = [_full(items[index], requests[index]) for index in again]
                        for index, result in zip(again, await worker.ask(full), strict=True):
                            results[index] = result
            except TimeoutError:
                self._all.discard(worker)
                raise Unavailable(f"no verdict within {_WALL_S:g} s: the machine is overloaded") from None
            except BaseException:
                self._all.discard(worker)
                raise
            self._idle.append(worker)
            return results

    async def _take(self) -> Worker:
        if self._closed:
            raise Unavailable("the validator is closed")
        if self._idle:
            return self._idle.pop()
        try:
            worker = await Worker.start(cpu_s=self._cpu_s, memory_bytes=self._memory_bytes)
        except OSError as error:
            raise Unavailable(f"cannot start the validation worker: {error.strerror}") from error
        self._all.add(worker)
        return worker


def _item(request: ValidationRequest, *, with_document: bool) -> dict[str, Any]:
    how = f"{'assert' if request.formats else 'annotate'} {request.language} {request.message or ''}"
    item = {"key": f"{request.schema_digest} {how}", "formats": request.formats}
    if with_document:
        item["document"] = request.document
    return item


def _full(item: dict[str, Any], request: ValidationRequest) -> dict[str, Any]:
    told = {"schema": request.schema, "remotes": dict(request.remotes)}
    if request.language != "json-schema":
        told |= {"language": request.language, "message": request.message, "references": request.references}
    return {**item, **told}


def _introduced(
    worker: Worker, items: list[dict[str, Any]], requests: Sequence[ValidationRequest]
) -> list[dict[str, Any]]:
    """The items, each first one of a key that the worker has not seen with its schema."""
    introduced = []
    if len(worker.known) > _KNOWN_MAX:
        worker.known.clear()
    for item, request in zip(items, requests, strict=True):
        known = item["key"] in worker.known
        worker.known.add(item["key"])
        introduced.append(item if known else _full(item, request))
    return introduced


def _verdict(result: dict[str, Any]) -> Verdict:
    if "violations" in result:
        return tuple(Violation(*each) for each in result["violations"])
    message, pointer, hint = result["unusable"]
    return UnusableSchema(message, pointer=pointer, hint=hint)


def _raised(verdict: Verdict) -> tuple[Violation, ...]:
    if isinstance(verdict, UnusableSchema):
        raise verdict
    return verdict
