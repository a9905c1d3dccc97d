"""The life of a credential: log in, fetch, renew ahead of time, rotate by overlap, hand back at the end.

When a step is due is decided in ``core/lease.py``. Invariants: what ``current`` gives is never taken away before its
successor is in place; a replaced token is revoked after its successor was probed and swapped in; the login's own token
is renewed before what hangs on it, and revoked last, because Vault revokes with it everything that it fetched.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import CancelScope, CapacityLimiter, move_on_after, to_thread

from versiqiid.adapters.vault.settings import VaultAuth
from versiqiid.core.lease import Action, Lease, Step, after_failure, first, next_step, renewed
from versiqiid.errors import Forbidden, NotFound, RateLimited, Refused, VersiqiiError
from versiqiid.ports import Secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskStatus

    from versiqiid.adapters.vault.client import Grant, VaultClient
    from versiqiid.adapters.vault.login import Login
    from versiqiid.adapters.vault.settings import VaultSettings
    from versiqiid.ports import Metrics

T = TypeVar("T")

_HAND_BACK_S = 10.0  # arbitrary: the most that a stop spends on revoking
_MEASURE_S = 1.0  # arbitrary: how old the lifetime metric may get
_PROBE_PAUSE_S = 0.1
_REVOKE_AGAIN_S = 5.0
_NOW = -inf


@dataclass(frozen=True, slots=True)
class VaultState:
    """For ``/readyz`` and the operator.

    :ivar attempt: failed steps in a row; 0 = all is well.
    :ivar trouble: the last failure's sentence while ``attempt`` is not 0.
    :ivar rotations: how often the credential in use was replaced.
    """

    attempt: int = 0
    trouble: str = ""
    rotations: int = 0


@dataclass(frozen=True, slots=True)
class _Held:
    """A credential: what was granted, by which client, for how long."""

    client: VaultClient
    grant: Grant
    lease: Lease


@dataclass(slots=True)
class _Slot:
    """The place of a credential, empty at first, and what is due there next."""

    held: _Held | None = None
    step: Step = Step(Action.REPLACE, _NOW)  # noqa: RUF009 - a constant
    attempt: int = 0
    trouble: str = ""


@dataclass(slots=True)
class _Retired:
    """Something replaced, to be revoked at ``at`` unless it ends by itself before."""

    at: float
    ends_at: float
    revoke: Callable[[], None] = field(repr=False)


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
        rotated: Callable[[Secret], Awaitable[None]] | None = None,
    ) -> None:
        """:param dice: gives numbers from 0 to under 1.

        :param probe: returns when the token works where it will be used; raises a VersiqiiError while it does not.
        :param rotated: told of each replacement, after the swap and before the old one is revoked. A VersiqiiError out
            of it does not undo the rotation.
        """
        self._settings = settings
        self._metrics = metrics
        self._dice = dice
        self._probe = probe
        self._rotated = rotated
        self._limiter = CapacityLimiter(2)  # one step, and one that was abandoned by a cancellation
        self._login: Login | None = None
        self._parent = _Slot()
        self._child = _Slot()
        self._outgrown: list[_Held] = []
        self._retired: list[_Retired] = []
        self._current: Secret | None = None
        self._rotations = 0

    @property
    def state(self) -> VaultState:
        """What an operator should know now."""
        worst = max((self._parent, self._child), key=lambda slot: slot.attempt)
        return VaultState(worst.attempt, worst.trouble, self._rotations)

    def current(self) -> Secret | None:
        """What to use now, without waiting; None only before the first one was fetched."""
        return self._current

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Obtain, renew and rotate until cancelled, then hand back in order. Ready with the first secret."""
        told = False
        try:
            while True:
                await self._do(self._parent, self._renew_parent, self._replace_parent)
                if self._settings.consul_role and self._parent.held is not None:
                    await self._do(self._child, self._renew_child, self._replace_child)
                await self._revoke(due=anyio.current_time())
                if self._current is not None and not told:
                    told = True
                    task_status.started()
                self._measure()
                await anyio.sleep(self._pause_s())
        finally:
            with move_on_after(_HAND_BACK_S, shield=True):
                await self._hand_back()

    # -------------------------------------------------------------------------------------------------- steps

    async def _do(
        self, slot: _Slot, renew: Callable[[_Held], Awaitable[_Held]], replace_: Callable[[], Awaitable[_Held]]
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
            slot.held, slot.attempt, slot.trouble = held, 0, ""
            slot.step = next_step(held.lease, self._dice())

    def _failed(self, slot: _Slot, error: VersiqiiError) -> None:
        now = anyio.current_time()
        slot.attempt, slot.trouble = slot.attempt + 1, error.message
        lease = slot.held.lease if slot.held is not None else first(now, 0, renewable=False)
        step = after_failure(lease, slot.step.action, now, attempt=slot.attempt, seed=self._dice())
        if isinstance(error, RateLimited) and error.retry_after_s is not None:
            step = replace(step, at=max(step.at, now + error.retry_after_s))
        slot.step = step

    async def _renew_parent(self, held: _Held) -> _Held:
        now = anyio.current_time()
        grant = await self._call(partial(held.client.renew_token, held.lease.asked_s))
        return _Held(held.client, grant, renewed(held.lease, now, grant.lease_s, renewable=grant.renewable))

    async def _replace_parent(self) -> _Held:
        """Log in anew. What hangs on the old login is fetched anew before that is given up."""
        now, old = anyio.current_time(), self._parent.held
        with CancelScope(shield=True):  # a login that nobody notes would live on in Vault
            client, grant = await self._call(self._log_in)
            lease = first(now, grant.lease_s, renewable=grant.renewable)
            if old is not None and old.grant.value == grant.value:  # the same token, read again
                client.close()
                return _Held(old.client, grant, lease)
            new = _Held(client, grant, lease)
            self._parent.held = new
        if not self._settings.consul_role:
            await self._swap(old, new)
        elif old is not None:
            self._outgrown.append(old)
            self._child.step = Step(Action.REPLACE, _NOW)
        return new

    async def _renew_child(self, held: _Held) -> _Held:
        now = anyio.current_time()
        try:
            grant = await self._call(partial(held.client.renew_lease, held.grant, held.lease.asked_s))
        except Forbidden:
            await self._doubt_parent()
            raise
        return _Held(held.client, grant, renewed(held.lease, now, grant.lease_s, renewable=grant.renewable))

    async def _replace_child(self) -> _Held:
        """A new Consul token from the present login: fetched, probed, swapped in; only then is the old one retired."""
        parent, old = self._parent.held, self._child.held
        if parent is None:
            raise NotFound("vault: not logged in")
        now = anyio.current_time()
        try:
            with CancelScope(shield=True):  # a token that nobody notes would live on in Consul
                grant = await self._call(partial(parent.client.consul_token, self._settings.consul_role))
                new = _Held(parent.client, grant, first(now, grant.lease_s, renewable=grant.renewable))
                unproved = _Retired(inf, new.lease.ends_at, partial(parent.client.revoke_lease, grant))
                self._retired.append(unproved)
        except Forbidden:
            await self._doubt_parent()
            raise
        try:
            await self._probed(grant.value)
        except VersiqiiError:
            unproved.at = now  # it never worked: away with it
            raise
        self._retired.remove(unproved)
        self._child.held = new
        await self._swap(old, new)
        return new

    async def _doubt_parent(self) -> None:
        """Something was forbidden: find out whether the login itself has ended, or only a right is missing."""
        parent = self._parent.held
        if parent is None:
            return
        try:
            await self._call(parent.client.look_up)
        except Forbidden:
            self._parent.step = Step(Action.REPLACE, _NOW)
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

    async def _swap(self, old: _Held | None, new: _Held) -> None:
        """From here on ``current`` is the new one; the old one, and logins that nothing hangs on, are retired."""
        self._current = Secret(new.grant.value, new.lease.granted_s or None, new.grant.renewable)
        if old is None:
            return
        self._rotations += 1
        if self._rotated is not None:
            with suppress(VersiqiiError):
                await self._rotated(self._current)
        at = anyio.current_time() + self._settings.overlap_s
        if self._settings.consul_role:
            self._retired.append(_Retired(at, old.lease.ends_at, partial(old.client.revoke_lease, old.grant)))
        else:
            self._outgrown.append(old)
        for login in self._outgrown:
            self._retired.append(_Retired(at, login.lease.ends_at, partial(self._revoke_login, login)))
        self._outgrown.clear()

    # ------------------------------------------------------------------------------------------------- the end

    async def _revoke(self, *, due: float) -> None:
        """Revoke what is due, in the order in which it was retired; what cannot be reached is tried again."""
        for old in [old for old in self._retired if old.at <= due]:
            try:
                if anyio.current_time() < old.ends_at:
                    await self._call(old.revoke)
            except (Refused, NotFound):
                pass  # it is gone already
            except VersiqiiError:
                old.at = anyio.current_time() + _REVOKE_AGAIN_S
                continue
            self._retired.remove(old)

    async def _hand_back(self) -> None:
        """Everything that was fetched, and the login last: Vault revokes with it whatever else hangs on it."""
        end = anyio.current_time()
        child, parent = self._child.held, self._parent.held
        if child is not None:
            self._retired.append(_Retired(end, inf, partial(child.client.revoke_lease, child.grant)))
        logins = [*self._outgrown, *([parent] if parent is not None else [])]
        for login in logins:
            self._retired.append(_Retired(end, inf, partial(self._revoke_login, login)))
        for old in self._retired:
            old.at = end
        await self._revoke(due=end)

    def _revoke_login(self, login: _Held) -> None:
        """A token that was given to us is not ours to revoke: the next start needs it."""
        if self._settings.auth is not VaultAuth.TOKEN:
            login.client.revoke_token()
        login.client.close()

    # ------------------------------------------------------------------------------------------------- helpers

    def _log_in(self) -> tuple[VaultClient, Grant]:
        from versiqiid.adapters.vault.login import Login  # noqa: PLC0415 - heavy, and only here when Vault is used

        self._login = self._login or Login(self._settings)
        return self._login()

    async def _call(self, call: Callable[[], T]) -> T:
        return await to_thread.run_sync(call, limiter=self._limiter, abandon_on_cancel=True)

    def _pause_s(self) -> float:
        due = [self._parent.step.at, *(old.at for old in self._retired)]
        if self._settings.consul_role and self._parent.held is not None:
            due.append(self._child.step.at)
        return min(_MEASURE_S, max(0.0, min(due) - anyio.current_time()))

    def _measure(self) -> None:
        held = self._child.held if self._settings.consul_role else self._parent.held
        if held is not None and held.lease.granted_s:
            left = max(0.0, held.lease.ends_at - anyio.current_time())
            self._metrics.gauge("versiqii_token_lifetime_seconds", left)
