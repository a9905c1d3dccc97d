"""Whether a schema may follow another. Pure: no network, no clock; work is counted in steps, so that the same pair gets
the same verdict on every machine.

``levels.py`` says which versions are compared which way, ``verdict.py`` what comes out, and one room per language how
two schemas are judged: ``json_schema/``, ``avro/``, ``protobuf/``. Registries, files and compilers are elsewhere.
"""

from versiqiid.core.compatibility.changes import Change, What, changes
from versiqiid.core.compatibility.levels import Direction, Finding, Level, Verdict, Version, check, in_group
from versiqiid.core.compatibility.verdict import Basis, Broken, Difference, Judge, Judgement, Live, Side, Witness

__all__ = [
    "Basis",
    "Broken",
    "Change",
    "Difference",
    "Direction",
    "Finding",
    "Judge",
    "Judgement",
    "Level",
    "Live",
    "Side",
    "Verdict",
    "Version",
    "What",
    "Witness",
    "changes",
    "check",
    "in_group",
]
