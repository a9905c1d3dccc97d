"""What is held of Vault, where, for how long, and what is due there next. Plain values; nothing is asked here."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final

import anyio

from versiqiid.core.lease import Action, Lease, Step

if TYPE_CHECKING:
    from versiqiid.adapters.vault.client import Grant, VaultClient

NOW: Final = -inf
"""A moment that is always due."""


@dataclass(frozen=True, slots=True)
class VaultState:
    """For ``/readyz`` and the operator.

    :ivar attempt: failed steps in a row; 0 = all is well.
    :ivar trouble: the last failure's sentence while ``attempt`` is not 0.
    :ivar rotations: how often the credential in use was replaced.
    :ivar login_s: seconds until the login ends unless it is renewed, None = no end, or there is none.
    :ivar token_s: the same for the credential in use.
    """

    attempt: int = 0
    trouble: str = ""
    rotations: int = 0
    login_s: float | None = None
    token_s: float | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A credential: what was granted, by which client, for how long."""

    client: VaultClient
    grant: Grant
    lease: Lease

    def left_s(self) -> float | None:
        """Seconds until it ends, None = never."""
        return max(0.0, self.lease.ends_at - anyio.current_time()) if self.lease.granted_s else None


@dataclass(slots=True)
class Slot:
    """The place of a credential, empty at first, and what is due there next."""

    name: str
    held: Held | None = None
    step: Step = Step(Action.REPLACE, NOW)  # noqa: RUF009 - a constant
    attempt: int = 0
    trouble: str = ""
    refused: bool = False
