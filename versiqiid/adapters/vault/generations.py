"""One login or token after another: obtained, renewed, put in the place of the one before, handed back at the end.

When each of it is due is for ``credentials.py`` to say. Invariants: what ``current`` is, is never taken away before its
successor is in place; a replaced token is revoked after its successor was probed and swapped in; the login's own token
is revoked last, because Vault revokes with it everything that it fetched.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import inf
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import CancelScope, CapacityLimiter, to_thread

from versiqiid.adapters.vault import told
from versiqiid.adapters.vault.retired import Retired, Retirement
from versiqiid.adapters.vault.settings import VaultAuth
from versiqiid.adapters.vault.slots import NOW, Held, Slot
from versiqiid.core.lease import Action, Step, first, renewed
from versiqiid.errors import Forbidden, NotFound, Unavailable, VersiqiiError
from versiqiid.ports import Secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from versiqiid.adapters.vault.client import Grant, VaultClient
    from versiqiid.adapters.vault.login import Login
    from versiqiid.adapters.vault.settings import VaultSettings
    from versiqiid.core.access import Access, Tell

T = TypeVar("T")

_PROBE_PAUSE_S = 0.1


class Generations:
    """:ivar parent: the login. :ivar child: the Consul token, where a role is named. :ivar current: what is in use."""

    def __init__(self, settings: VaultSettings, probe: Callable[[str], Awaitable[None]] | None, tell: Tell) -> None:
        """See ``credentials.VaultCredentials``."""
        self._settings = settings
        self._probe = probe
        self._tell = tell
        self._limiter = CapacityLimiter(2)  # one step, and one that was abandoned by a cancellation
        self._login: Login | None = None
        self._outgrown: list[Held] = []
        self.parent = Slot("login")
        self.child = Slot("token")
        self.retirement = Retirement(self._call, tell)
        self.current: Secret | None = None
        self.rotations = 0

    async def moved(self) -> bool:
        """Whether the token file holds another token than the login's; False before the first login."""
        return self._login is not None and await self._call(self._login.moved)

    async def renew_parent(self, held: Held) -> Held:
        now = anyio.current_time()
        grant = await self._call(partial(held.client.renew_token, held.lease.asked_s))
        return Held(held.client, grant, renewed(held.lease, now, grant.lease_s, renewable=grant.renewable))

    async def replace_parent(self) -> Held:
        """Log in anew. What hangs on the old login is fetched anew before that is given up."""
        now, old = anyio.current_time(), self.parent.held
        with CancelScope(shield=True):  # a login that nobody notes would live on in Vault
            client, grant = await self._call(self._log_in)
            lease = first(now, grant.lease_s, renewable=grant.renewable)
            if old is not None and old.grant.value == grant.value:  # the same token, read again
                client.close()
                return Held(old.client, grant, lease)
            new = Held(client, grant, lease)
            self.parent.held = new
            self._tell(told.logged_in(self._settings, grant))
        if not self._settings.consul_role:
            self._swap(old, new)
        elif old is not None:
            self._outgrown.append(old)
            self.child.step = Step(Action.REPLACE, NOW)
        return new

    async def renew_child(self, held: Held) -> Held:
        now = anyio.current_time()
        try:
            grant = await self._call(partial(held.client.renew_lease, held.grant, held.lease.asked_s))
        except Forbidden:
            await self._doubt_parent()
            raise
        return Held(held.client, grant, renewed(held.lease, now, grant.lease_s, renewable=grant.renewable))

    async def replace_child(self) -> Held:
        """A new Consul token from the present login: fetched, probed, swapped in; only then is the old one retired."""
        parent, old = self.parent.held, self.child.held
        if parent is None:
            raise NotFound("vault: not logged in")
        now = anyio.current_time()
        try:
            with CancelScope(shield=True):  # a token that nobody notes would live on in Consul
                grant = await self._call(partial(parent.client.consul_token, self._settings.consul_role))
                new = Held(parent.client, grant, first(now, grant.lease_s, renewable=grant.renewable))
                unproved = self._retired(inf, new, "it did not work")
                self.retirement.add(unproved)
                self._tell(told.issued(self._settings, grant))
        except Forbidden:
            await self._doubt_parent()
            raise
        try:
            await self._probed(grant.value)
        except VersiqiiError:
            unproved.at = now  # it never worked: away with it
            raise
        self.retirement.drop(unproved)
        self.child.held = new
        self._swap(old, new)
        return new

    async def _doubt_parent(self) -> None:
        """Something was forbidden: find out whether the login itself has ended, or only a right is missing."""
        parent = self.parent.held
        if parent is None:
            return
        try:
            await self._call(parent.client.look_up)
        except Forbidden:
            self.parent.step = Step(Action.REPLACE, NOW)
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
        self.current = Secret(new.grant.value, new.lease.granted_s or None, new.grant.renewable)
        self._tell(told.used(self._settings, new.grant, old.grant if old is not None else None))
        if old is None:
            return
        self.rotations += 1
        at = anyio.current_time() + self._settings.overlap_s
        if self._settings.consul_role:
            self.retirement.add(self._retired(min(at, old.lease.ends_at), old, "replaced"))
        else:
            self._outgrown.append(old)
        for login in self._outgrown:
            self.retirement.add(self._retired_login(at, login, "replaced"))
        self._outgrown.clear()

    async def hand_back(self) -> None:
        """Everything that was fetched, and the login last: Vault revokes with it whatever else hangs on it."""
        child, parent = self.child.held, self.parent.held
        if child is not None:
            self.retirement.add(replace(self._retired(inf, child, "stopped"), ends_at=inf))
        for login in [*self._outgrown, *([parent] if parent is not None else [])]:
            self.retirement.add(replace(self._retired_login(inf, login, "stopped"), ends_at=inf))
        await self.retirement.revoke_all()

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

    def _log_in(self) -> tuple[VaultClient, Grant]:
        from versiqiid.adapters.vault.login import Login  # noqa: PLC0415 - heavy, and only here when Vault is used

        self._login = self._login or Login(self._settings)
        return self._login()

    async def _call(self, call: Callable[[], T]) -> T:
        try:
            return await to_thread.run_sync(call, limiter=self._limiter, abandon_on_cancel=True)
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            raise Unavailable("vault: the answer is not Vault's", hint="Check the address.") from error
