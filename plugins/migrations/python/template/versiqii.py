# ruff: noqa: INP001 - a guest's source, no package
"""Versiqii migration guests in Python: a component that componentize-py makes of one class.

A migration is two functions that change a config in place. Places are JSON Pointers whose names hold neither ``~`` nor
``/``, through objects only. A member that is not there is a refusal, and so is ``refuse``; any other exception ends the
guest, and the daemon says that it trapped.
"""

import json
from collections.abc import Callable
from typing import Any, NoReturn

_WHOLE_MAX = 2**53 - 1


class Refused(Exception):
    """The config cannot be migrated: a sentence for the operator, and the place in the config as it came in."""

    def __init__(self, sentence: str, pointer: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.pointer = pointer


def refuse(sentence: str, pointer: str) -> NoReturn:
    """Say why this config cannot be migrated, and where."""
    raise Refused(sentence, pointer)


class Config:
    """The config on its way, and what is put aside for the way back."""

    def __init__(self, root: Any, stash: Any) -> None:
        self.root = root
        self._stash = stash if isinstance(stash, dict) else {}
        self.kept: dict[str, Any] = {}

    def get(self, pointer: str) -> Any:
        """The value there, or None."""
        parent, name = self._find(pointer, make=False)
        return None if parent is None else parent.get(name)

    def take(self, pointer: str) -> Any:
        """Remove and return the value there; not there is a refusal."""
        parent, name = self._find(pointer, make=False)
        if parent is None or name not in parent:
            refuse("a member is missing that this migration needs", pointer)
        return parent.pop(name)

    def set(self, pointer: str, value: Any) -> None:
        """Put a value there, over what is there; objects on the way are made."""
        parent, name = self._find(pointer, make=True)
        if parent is None:
            refuse("something that is no object is in the way of this migration", pointer)
        parent[name] = value

    def move(self, source: str, destination: str) -> None:
        """Take it from one place and set it at the other."""
        self.set(destination, self.take(source))

    def move_if_present(self, source: str, destination: str) -> None:
        """For members that need not be there."""
        parent, name = self._find(source, make=False)
        if parent is not None and name in parent:
            self.move(source, destination)

    def keep(self, pointer: str, usual: Any) -> None:
        """Going down: remove what the older version cannot say; keep it unless it is what going up would put there."""
        value = self.take(pointer)
        if json.dumps(value, sort_keys=True) != json.dumps(usual, sort_keys=True):
            self.kept[pointer] = value

    def restore(self, pointer: str, usual: Any) -> None:
        """Going up: put there what was kept, or what is usual when nothing was."""
        self.set(pointer, self._stash.get(pointer, usual))

    def _find(self, pointer: str, *, make: bool) -> tuple[dict[str, Any] | None, str]:
        """The object that holds the place, and the place's name in it; None when the way is not there and not made."""
        *way, name = pointer.split("/")[1:]
        parent = self.root
        for step in way:
            if not isinstance(parent, dict):
                return None, name
            parent = parent.setdefault(step, {}) if make else parent.get(step)
        return (parent if isinstance(parent, dict) else None), name


def answer(envelope: str, direction: Callable[[Config], None]) -> str:
    """What the world's functions give for an envelope."""
    told = json.loads(envelope, parse_int=_number)
    config = Config(told["config"], told.get("stash"))
    try:
        direction(config)
    except Refused as refusal:
        return json.dumps({"error": refusal.sentence, "pointer": refusal.pointer})
    stash = {"stash": config.kept} if config.kept else {}
    return json.dumps({"config": config.root, **stash}, ensure_ascii=False)


def _number(literal: str) -> float:
    """A whole number beyond what every reader holds exactly is a double, as the envelope's form (RFC 8785) has it."""
    number = int(literal)
    return number if abs(number) <= _WHOLE_MAX else float(literal)
