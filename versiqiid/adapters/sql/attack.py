"""What an attempt to get past a journal's guards is, and what came of it. Which ones there are is each database's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["held", "not held", "open"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt on a scratch copy.

    :ivar by: who can do it, as the threat model names them: ``B: …`` a database user, ``C: …`` its owner or superuser.
    :ivar outcome: ``open`` = it worked, and nothing inside a database could hold it: only a checkpoint kept elsewhere
        shows what is done then.
    :ivar said: the database's own words when it refused.
    """

    by: str
    statement: str
    outcome: Outcome
    said: str = ""
