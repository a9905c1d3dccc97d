"""The process in which schemas are compiled and documents judged: it may be killed at any time, and holds nothing.

Run as ``python -m versiqiid.adapters.validation.worker CPU_S MEMORY_BYTES`` with one end of a socket pair as standard
input. Its limits are the kernel's: CPU time by an interval timer whose signal nobody catches (native code that never
comes back to the interpreter is ended all the same), memory by the size of the address space.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, Protocol

from versiqiid.adapters.validation import wire
from versiqiid.adapters.validation.languages import Documents, documents_of
from versiqiid.errors import UnusableSchema

if TYPE_CHECKING:
    from collections.abc import Callable

COMPILED_MAX: Final = 256
"""Compiled schemas that are kept, the least recently used goes first. Arbitrary."""

# A reference validator of a document 100 levels deep nests a few frames for each level and each keyword between two.
_RECURSION_MAX: Final = 20_000
_STACK_BYTES: Final = 256 << 20  # address space, touched only as deep as it is used


class Answers(Protocol):
    """What a worker does with one frame."""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]: ...


class Judge:
    """Answers requests, one after the other."""

    def __init__(self, cpu_s: float) -> None:
        self._cpu_s = cpu_s
        self._compiled: OrderedDict[str, Documents | UnusableSchema] = OrderedDict()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one frame; every item of it has the whole CPU time."""
        return {"id": request["id"], "results": [self._limited(item) for item in request["items"]]}

    def _limited(self, item: dict[str, Any]) -> dict[str, Any]:
        signal.setitimer(signal.ITIMER_PROF, self._cpu_s)
        try:
            return self._judge(item)
        except MemoryError:
            self._compiled.clear()
            return {"unusable": ["work limit: a validation took more memory than it may", "", ""]}
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _judge(self, item: dict[str, Any]) -> dict[str, Any]:
        compiled = self._schema(item)
        if compiled is None:
            return {"unknown": True}
        if isinstance(compiled, UnusableSchema):
            return {"unusable": [compiled.message, compiled.pointer, compiled.hint]}
        if "document" not in item:
            return {"violations": []}
        found = compiled.violations(item["document"])
        return {"violations": [[v.pointer, v.keyword, v.message, v.schema, v.best] for v in found]}

    def _schema(self, item: dict[str, Any]) -> Documents | UnusableSchema | None:
        key = item["key"]
        if key in self._compiled:
            self._compiled.move_to_end(key)
            return self._compiled[key]
        if "schema" not in item:
            return None
        compiled: Documents | UnusableSchema
        try:
            compiled = documents_of(item)
        except UnusableSchema as error:
            compiled = error.with_traceback(None)
        self._compiled[key] = compiled
        if len(self._compiled) > COMPILED_MAX:
            self._compiled.popitem(last=False)
        return compiled


def serve(connection: socket.socket, judge: Answers) -> None:
    """Answer until the other side is gone."""
    while (request := wire.read_frame(connection)) is not None:
        connection.sendall(wire.pack(judge.answer(request)))


def run(judge: Callable[[float], Answers]) -> None:
    """Be a worker process: limits, a thread with a deep stack, and answers until the other side is gone."""
    cpu_s, memory_bytes = float(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the daemon's terminal reaches the whole process group
    connection = socket.socket(fileno=os.dup(0))
    sys.setrecursionlimit(_RECURSION_MAX)
    threading.stack_size(_STACK_BYTES)
    thread = threading.Thread(target=serve, args=(connection, judge(cpu_s)), name="judge", daemon=True)
    thread.start()
    thread.join()


if __name__ == "__main__":
    run(Judge)
