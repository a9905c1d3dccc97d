"""Schemas of the registry read and judged in a process that can be killed, so that none of them stalls the daemon."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import asdict
from typing import Any, Final

from versiqiid.adapters.validation.asking import MEMORY_BYTES, Asking
from versiqiid.core.registry.content import Form, Text
from versiqiid.errors import UnusableSchema

CPU_S: Final = 5.0
"""The work budget of one pair (schemas-and-migrations: "a work budget … says undecided when it runs out")."""

_MODULE: Final = "versiqiid.adapters.validation.registering"
_KNOWN_MAX: Final = 1_000  # forms and verdicts that are remembered; arbitrary
_TEXT_CHARACTERS_MAX: Final = 20_000  # of a form that is remembered: larger ones are rare, and take room
_HINT: Final = "simplify the schema: nested combinations and references to itself cost most"


class ProcessReader:
    """Reads and judges schemas in one worker process; what was answered once is remembered. Closed by ``aclose``."""

    def __init__(self, *, cpu_s: float = CPU_S, memory_bytes: int = MEMORY_BYTES) -> None:
        self._asking = Asking(_MODULE, cpu_s=cpu_s, memory_bytes=memory_bytes)
        self._cpu_s = cpu_s
        self._known: OrderedDict[bytes, Any] = OrderedDict()

    async def read(self, text: Text) -> Form:
        """The schema's forms.

        :raises UnusableSchema: it is no schema of its language, or took more work than it may.
        :raises Unavailable: the worker was killed by somebody else, twice, or the machine gave it no time.
        """
        key = _key(text)
        known = self._remembered(key)
        if isinstance(known, Form):
            return known
        result = await self._asking.ask({"schema": asdict(text)})
        if result is None or "overworked" in result:
            raise UnusableSchema(f"work limit: over {self._cpu_s:g} s of CPU, or out of memory", hint=_HINT)
        form = Form(**_usable(result)["form"])
        if len(form.text) <= _TEXT_CHARACTERS_MAX:
            self._remember(key, form)
        return form

    async def judge(self, old: Text, new: Text, policy: str) -> tuple[bool, tuple[str, ...]]:
        """Whether a reader of ``new`` reads what was written for ``old``, and if not, why; both are of one language.

        A pair that takes more work than it may is incompatible, undecided.

        :raises UnusableSchema: one of them is no schema. :raises Unavailable: as above.
        """
        key = _key(old, new, policy)
        known = self._remembered(key)
        if isinstance(known, tuple):
            return known
        result = await self._asking.ask({"old": asdict(old), "new": asdict(new), "policy": policy})
        if result is None or "overworked" in result:
            return False, ("{errorType:'UNDECIDED', description:'undecided within the work budget'}",)
        compatible, told = _usable(result)["verdict"]
        verdict = (bool(compatible), tuple(told))
        self._remember(key, verdict)
        return verdict

    async def aclose(self) -> None:
        """End the worker."""
        await self._asking.aclose()

    def _remembered(self, key: bytes) -> Any:
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    def _remember(self, key: bytes, value: Any) -> None:
        self._known[key] = value
        if len(self._known) > _KNOWN_MAX:
            self._known.popitem(last=False)


def _key(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()


def _usable(result: dict[str, Any]) -> dict[str, Any]:
    if "unusable" in result:
        message, pointer, hint = result["unusable"]
        raise UnusableSchema(message, pointer=pointer, hint=hint)
    return result
