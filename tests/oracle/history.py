"""What stays from before: the last good config of every place, and what the store must hold after an edit."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.oracle.rule import Expected, Tree, compute

DESIRED = ("families", "schemas", "lifecycle", "migrations", "modules", "targets", "envs", "configs", "bindings")
ROUNDS_MAX = 10


@dataclass
class Oracle:
    """Applies the same edits to a table of its own, and says what the daemon must make of them.

    :ivar present: what is under ``effective/`` right now, foreign writes included.
    :ivar effective: what the daemon last said under ``effective/``, which is also what foreign writes heal to.
    :ivar expected: what must stand under ``status/``.
    """

    desired: Tree = field(default_factory=dict)
    present: Tree = field(default_factory=dict)
    effective: Tree = field(default_factory=dict)
    expected: dict[str, Expected] = field(default_factory=dict)

    def edit(self, keys: dict[str, bytes | None]) -> None:
        """One transaction by people, not yet seen by the daemon."""
        for key, value in keys.items():
            room, _, rest = key.partition("/")
            table = self.desired if room in DESIRED else self.present if room == "effective" else {}
            name = key if room in DESIRED else rest
            table.pop(name, None)
            if value is not None:
                table[name] = value

    def settle(self) -> None:
        """The daemon sees what there is: repeat the rule until it starts from the effective keys that it ends with."""
        for _ in range(ROUNDS_MAX):
            self.expected = compute(self.desired, self.present)
            after: Tree = {}
            for name, wanted in self.expected.items():
                value = wanted.effective if wanted.effective is not None else self.effective.get(name)
                if value is not None:
                    after[name] = value
            at_rest = after.keys() == self.present.keys()
            self.present = after
            if at_rest:
                self.effective = dict(after)
                return
        raise AssertionError("the rule does not come to rest")
