"""The life of a credential: log in, fetch, renew ahead of time, rotate by overlap, hand back at the end.

When a step is due is decided in ``core/lease.py``; what it does to the credentials, in ``generations.py``. Invariant:
the login's own token is renewed before what hangs on it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
from anyio import move_on_after

from versiqiid.adapters.vault import told
from versiqiid.adapters.vault.generations import Generations
from versiqiid.adapters.vault.slots import NOW, Held, Slot, VaultState
from versiqiid.core.lease import Action, Step, after_failure, first, next_step
from versiqiid.errors import Forbidden, NotFound, RateLimited, Refused, VersiqiiError
from versiqiid.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskStatus

    from versiqiid.adapters.vault.client import VaultClient
    from versiqiid.adapters.vault.settings import VaultSettings
    from versiqiid.core.access import Tell
    from versiqiid.ports import Metrics, Secret

log = logger("vault")

_HAND_BACK_S = 10.0  # arbitrary: the most that a stop spends on revoking
_MEASURE_S = 1.0  # arbitrary: how old the lifetime metric may get, and how late a changed token file is noticed
_RETRY_AFTER_MOST_S = 60.0
"""The longest pause that is taken on Vault's word. Arbitrary: one request a minute hurts no quota, and a lease that ran
out because of a ``Retry-After`` of an hour would hurt."""


class VaultCredentials:
    """``ports.Credentials`` from Vault: a Consul token of a role, or the Vault token itself when no role is named.

    Vault sealed, away or refusing changes nothing about what is held: it stays in use, the trouble is told, and the
    step is tried again for ever.
    """

    def __init__(
        self,
        settings: VaultSettings,
        metrics: Metrics,
        *,
        dice: Callable[[], float],
        probe: Callable[[str], Awaitable[None]] | None = None,
        tell: Tell = told.nobody,
    ) -> None:
        """:param dice: gives numbers from 0 to under 1.

        :param probe: returns when the token works where it will be used; raises a VersiqiiError while it does not.
        :param tell: takes each fact of access: logins, and the tokens that were given, used, rotated and revoked.
        """
        self._settings = settings
        self._metrics = metrics
        self._dice = dice
        self._tell = tell
        self._generations = Generations(settings, probe, tell)
        self._parent, self._child = self._generations.parent, self._generations.child
        self._retirement = self._generations.retirement
        self._follow_at = NOW

    @property
    def state(self) -> VaultState:
        """What an operator should know now."""
        worst = max((self._parent, self._child), key=lambda slot: slot.attempt)
        login, used = self._parent.held, self._in_use.held
        return VaultState(
            worst.attempt,
            worst.trouble,
            self._generations.rotations,
            login.left_s() if login is not None else None,
            used.left_s() if used is not None else None,
        )

    @property
    def client(self) -> VaultClient | None:
        """Whoever is logged in now."""
        return self._parent.held.client if self._parent.held is not None else None

    @property
    def note(self) -> str | None:
        """One line for ``/readyz`` while something is wrong."""
        state = self.state
        return f"vault: {state.trouble} (failed {state.attempt} times)" if state.attempt else None

    def current(self) -> Secret | None:
        """What to use now, without waiting; None only before the first one was fetched."""
        return self._generations.current

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Obtain, renew and rotate until cancelled, then hand back in order. Ready with the first secret."""
        ready = False
        try:
            while True:
                await self._follow_file()
                await self._do(self._parent, self._generations.renew_parent, self._generations.replace_parent)
                if self._settings.consul_role and self._parent.held is not None:
                    await self._do(self._child, self._generations.renew_child, self._generations.replace_child)
                await self._retirement.revoke_due(anyio.current_time())
                if self._generations.current is not None and not ready:
                    ready = True
                    task_status.started()
                self._measure()
                await anyio.sleep(self._pause_s())
        finally:
            with move_on_after(_HAND_BACK_S, shield=True):
                await self._generations.hand_back()

    # -------------------------------------------------------------------------------------------------- steps

    async def _do(
        self, slot: Slot, renew: Callable[[Held], Awaitable[Held]], replace_: Callable[[], Awaitable[Held]]
    ) -> None:
        """Do what is due in a slot, and say what is due next, whatever came of it."""
        now, action = anyio.current_time(), slot.step.action
        if slot.step.at > now:
            return
        try:
            renewing = slot.held if action is Action.RENEW else None
            held = await renew(renewing) if renewing is not None else await replace_()
        except (Refused, NotFound) as error:
            self._failed(slot, error)
            if action is Action.RENEW:
                slot.step = Step(Action.REPLACE, now)  # there is nothing to renew any more
        except VersiqiiError as error:
            self._failed(slot, error)
        else:
            if slot.attempt:
                log.info("vault_recovered", step=slot.name, attempts=slot.attempt)
            slot.held, slot.attempt, slot.trouble, slot.refused = held, 0, "", False
            slot.step = next_step(held.lease, self._dice())

    def _failed(self, slot: Slot, error: VersiqiiError) -> None:
        """What follows on a failure: the alarm, and when it is tried again. The first refusal of a streak is a fact."""
        now = anyio.current_time()
        slot.attempt, slot.trouble = slot.attempt + 1, error.message
        self._metrics.count("versiqii_vault_trouble_total", code=error.code)
        log.warning(
            "vault_trouble",
            step=slot.name,
            attempt=slot.attempt,
            code=error.code,
            reason=error.message,
            hint=error.hint,
        )
        if slot.step.action is Action.REPLACE and isinstance(error, Forbidden) and not slot.refused:
            slot.refused = True
            self._tell(told.refused(self._settings, error, login=slot is self._parent))
        lease = slot.held.lease if slot.held is not None else first(now, 0, renewable=False)
        step = after_failure(lease, slot.step.action, now, attempt=slot.attempt, seed=self._dice())
        if isinstance(error, RateLimited) and error.retry_after_s is not None:
            step = replace(step, at=max(step.at, now + min(error.retry_after_s, _RETRY_AFTER_MOST_S)))
        slot.step = step

    async def _follow_file(self) -> None:
        """A token file that somebody else keeps fresh: log in anew as soon as it holds another token.

        A new token that does not work is told and tried again; the one in hand goes on being renewed meanwhile.
        """
        slot, now = self._parent, anyio.current_time()
        if slot.held is None or now < self._follow_at:
            return
        before = slot.step
        try:
            if not await self._generations.moved():
                return
            slot.step = Step(Action.REPLACE, NOW)
        except VersiqiiError as error:
            self._failed(slot, error)
        else:
            await self._do(slot, self._generations.renew_parent, self._generations.replace_parent)
        if slot.attempt:
            self._follow_at, slot.step = slot.step.at, before

    # ------------------------------------------------------------------------------------------------- helpers

    @property
    def _in_use(self) -> Slot:
        return self._child if self._settings.consul_role else self._parent

    def _pause_s(self) -> float:
        due = [self._parent.step.at, self._retirement.next_at()]
        if self._settings.consul_role and self._parent.held is not None:
            due.append(self._child.step.at)
        return min(_MEASURE_S, max(0.0, min(due) - anyio.current_time()))

    def _measure(self) -> None:
        state = self.state
        self._metrics.gauge("versiqii_vault_up", 0 if state.attempt else 1)
        for use, left in ((self._settings.use, state.token_s), ("vault", state.login_s)):
            if left is not None:
                self._metrics.gauge("versiqii_token_lifetime_seconds", left, use=use)
