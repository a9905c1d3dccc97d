"""The life of a credential: log in, fetch, renew ahead of time, rotate by overlap, hand back at the end.

When a step is due is decided in ``core/lease.py``. Invariants: what ``current`` gives is never taken away before its
successor is in place; a replaced token is revoked after its successor was probed and swapped in; the login's own token
is renewed before what hangs on it, and revoked last, because Vault revokes with it everything that it fetched.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import inf
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import CancelScope, CapacityLimiter, move_on_after, to_thread

from versiqiid.adapters.vault import told
from versiqiid.adapters.vault.retired import Retired, Retirement
from versiqiid.adapters.vault.settings import VaultAuth
from versiqiid.adapters.vault.slots import NOW, Held, Slot, VaultState
from versiqiid.core.lease import Action, Step, after_failure, first, next_step, renewed
from versiqiid.errors import Forbidden, NotFound, RateLimited, Refused, Unavailable, VersiqiiError
from versiqiid.logs import logger
from versiqiid.ports import Secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskStatus

    from versiqiid.adapters.vault.client import Grant, VaultClient
    from versiqiid.adapters.vault.login import Login
    from versiqiid.adapters.vault.settings import VaultSettings
    from versiqiid.core.access import Access, Tell
    from versiqiid.ports import Metrics

T = TypeVar("T")

log = logger("vault")

_HAND_BACK_S = 10.0  # arbitrary: the most that a stop spends on revoking
_MEASURE_S = 1.0  # arbitrary: how old the lifetime metric may get, and how late a changed token file is noticed
_PROBE_PAUSE_S = 0.1
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
        self._probe = probe
        self._tell = tell
        self._limiter = CapacityLimiter(2)  # one step, and one that was abandoned by a cancellation
        self._login: Login | None = None
        self._parent = Slot("login")
        self._child = Slot("token")
        self._outgrown: list[Held] = []
        self._retirement = Retirement(self._call, tell)
        self._current: Secret | None = None
        self._rotations = 0
        self._follow_at = NOW

    @property
    def state(self) -> VaultState:
        """What an operator should know now."""
        worst = max((self._parent, self._child), key=lambda slot: slot.attempt)
        login, used = self._parent.held, self._in_use.held
        return VaultState(
            worst.attempt,
            worst.trouble,
            self._rotations,
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
        return self._current

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Obtain, renew and rotate until cancelled, then hand back in order. Ready with the first secret."""
        ready = False
        try:
            while True:
                await self._follow_file()
                await self._do(self._parent, self._renew_parent, self._replace_parent)
                if self._settings.consul_role and self._parent.held is not None:
                    await self._do(self._child, self._renew_child, self._replace_child)
                await self._retirement.revoke_due(anyio.current_time())
                if self._current is not None and not ready:
                    ready = True
                    task_status.started()
                self._measure()
                await anyio.sleep(self._pause_s())
        finally:
            with move_on_after(_HAND_BACK_S, shield=True):
                await self._hand_back()

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
        if self._login is None or slot.held is None or now < self._follow_at:
            return
        before = slot.step
        try:
            if not await self._call(self._login.moved):
                return
            slot.step = Step(Action.REPLACE, NOW)
        except VersiqiiError as error:
            self._failed(slot, error)
        else:
            await self._do(slot, self._renew_parent, self._replace_parent)
        if slot.attempt:
            self._follow_at, slot.step = slot.step.at, before

    async def _renew_parent(self, held: Held) -> Held:
        now = anyio.current_time()
        grant = await self._call(partial(held.client.renew_token, held.lease.asked_s))
        return Held(held.client, grant, renewed(held.lease, now, grant.lease_s, renewable=grant.renewable))

    async def _replace_parent(self) -> Held:
        """Log in anew. What hangs on the old login is fetched anew before that is given up."""
        now, old = anyio.current_time(), self._parent.held
        with CancelScope(shield=True):  # a login that nobody notes would live on in Vault
            client, grant = await self._call(self._log_in)
            lease = first(now, grant.lease_s, renewable=grant.renewable)
            if old is not None and old.grant.value == grant.value:  # the same token, read again
                client.close()
                return Held(old.client, grant, lease)
            new = Held(client, grant, lease)
            self._parent.held = new
            self._tell(told.logged_in(self._settings, grant))
        if not self._settings.consul_role:
            self._swap(old, new)
        elif old is not None:
            self._outgrown.append(old)
            self._child.step = Step(Action.REPLACE, NOW)
        return new

    async def _renew_child(self, held: Held) -> Held:
        now = anyio.current_time()
        try:
            grant = await self._call(partial(held.client.renew_lease, held.grant, held.lease.asked_s))
        except Forbidden:
            await self._doubt_parent()
            raise
        return Held(held.client, grant, renewed(held.lease, now, grant.lease_s, renewable=grant.renewable))

    async def _replace_child(self) -> Held:
        """A new Consul token from the present login: fetched, probed, swapped in; only then is the old one retired."""
        parent, old = self._parent.held, self._child.held
        if parent is None:
            raise NotFound("vault: not logged in")
        now = anyio.current_time()
        try:
            with CancelScope(shield=True):  # a token that nobody notes would live on in Consul
                grant = await self._call(partial(parent.client.consul_token, self._settings.consul_role))
                new = Held(parent.client, grant, first(now, grant.lease_s, renewable=grant.renewable))
                unproved = self._retired(inf, new, "it did not work")
                self._retirement.add(unproved)
                self._tell(told.issued(self._settings, grant))
        except Forbidden:
            await self._doubt_parent()
            raise
        try:
            await self._probed(grant.value)
        except VersiqiiError:
            unproved.at = now  # it never worked: away with it
            raise
        self._retirement.drop(unproved)
        self._child.held = new
        self._swap(old, new)
        return new

    async def _doubt_parent(self) -> None:
        """Something was forbidden: find out whether the login itself has ended, or only a right is missing."""
        parent = self._parent.held
        if parent is None:
            return
        try:
            await self._call(parent.client.look_up)
        except Forbidden:
            self._parent.step = Step(Action.REPLACE, NOW)
        except VersiqiiError:
            return  # no answer, no doubt

    async def _probed(self, token: str) -> None:
        """Return when the token works; a fresh one may take a moment to be known everywhere."""
        if self._probe is None:
            return
        deadline = anyio.current_time() + self._settings.probe_s
        while True:
            try:
                await self._probe(token)
            except VersiqiiError:
                if anyio.current_time() >= deadline:
                    raise
                await anyio.sleep(_PROBE_PAUSE_S)
            else:
                return

    def _swap(self, old: Held | None, new: Held) -> None:
        """From here on ``current`` is the new one; the old one, and logins that nothing hangs on, are retired."""
        self._current = Secret(new.grant.value, new.lease.granted_s or None, new.grant.renewable)
        self._tell(told.used(self._settings, new.grant, old.grant if old is not None else None))
        if old is None:
            return
        self._rotations += 1
        at = anyio.current_time() + self._settings.overlap_s
        if self._settings.consul_role:
            self._retirement.add(self._retired(min(at, old.lease.ends_at), old, "replaced"))
        else:
            self._outgrown.append(old)
        for login in self._outgrown:
            self._retirement.add(self._retired_login(at, login, "replaced"))
        self._outgrown.clear()

    # ------------------------------------------------------------------------------------------------- the end

    async def _hand_back(self) -> None:
        """Everything that was fetched, and the login last: Vault revokes with it whatever else hangs on it."""
        child, parent = self._child.held, self._parent.held
        if child is not None:
            self._retirement.add(replace(self._retired(inf, child, "stopped"), ends_at=inf))
        for login in [*self._outgrown, *([parent] if parent is not None else [])]:
            self._retirement.add(replace(self._retired_login(inf, login, "stopped"), ends_at=inf))
        await self._retirement.revoke_all()

    def _retired(self, at: float, token: Held, why: str) -> Retired:
        fact = told.revoked(self._settings, token.grant, why)
        return Retired(at, token.lease.ends_at, partial(token.client.revoke_lease, token.grant), fact)

    def _retired_login(self, at: float, login: Held, why: str) -> Retired:
        """A token that was given to us is not ours to revoke: the next start needs it."""
        if self._settings.auth is VaultAuth.TOKEN:
            return Retired(at, inf, login.client.close)
        fact: Access = told.logged_out(self._settings, login.grant, why)

        def leave() -> None:
            login.client.revoke_token()
            login.client.close()

        return Retired(at, login.lease.ends_at, leave, fact)

    # ------------------------------------------------------------------------------------------------- helpers

    def _log_in(self) -> tuple[VaultClient, Grant]:
        from versiqiid.adapters.vault.login import Login  # noqa: PLC0415 - heavy, and only here when Vault is used

        self._login = self._login or Login(self._settings)
        return self._login()

    async def _call(self, call: Callable[[], T]) -> T:
        try:
            return await to_thread.run_sync(call, limiter=self._limiter, abandon_on_cancel=True)
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            raise Unavailable("vault: the answer is not Vault's", hint="Check the address.") from error

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
