"""What ``versiqii doctor`` asks of Vault: seal, version, clock, what the login lives and may do. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from versiqiid.core.findings import Finding, Level, clock, lifetime, missing
from versiqiid.errors import VersiqiiError

if TYPE_CHECKING:
    from versiqiid.adapters.vault.credentials import VaultCredentials
    from versiqiid.adapters.vault.settings import VaultSettings

_POLICY = "Give its policy what examples/consul-acl/vault-policy.hcl says."


class VaultProbe:
    """A check, see ``core/findings.py``."""

    def __init__(
        self, settings: VaultSettings, credentials: VaultCredentials | None, *, wall: Callable[[], float] = time.time
    ) -> None:
        """:param credentials: those that run on these settings; None = somebody else logs in.

        :param wall: seconds since the epoch.
        """
        self._settings = settings
        self._credentials = credentials
        self._wall = wall

    async def __call__(self) -> Sequence[Finding]:
        found = [*await to_thread.run_sync(self._reach, abandon_on_cancel=True), *self._life()]
        if any(finding.check == "vault address" and finding.level is Level.ERROR for finding in found):
            return found  # who does not answer is not asked more
        return [*found, *await to_thread.run_sync(self._rights, abandon_on_cancel=True)]

    def _reach(self) -> list[Finding]:
        """``/v1/sys/health`` needs no token, and answers 200 in every state when it is asked to."""
        from versiqiid.adapters.vault.client import VaultClient, understood  # noqa: PLC0415 - heavy

        address = self._settings.address
        client = VaultClient(self._settings)
        try:
            asked = self._wall()
            health, date = client.health()
            skew = clock("vault", date, asked, self._wall())
            with understood():
                version, sealed, ready = str(health["version"]), bool(health["sealed"]), bool(health["initialized"])
        except VersiqiiError as error:
            return [Finding("vault address", Level.ERROR, error.message, error.hint or "Is Vault up?")]
        finally:
            client.close()
        found = [Finding("vault version", Level.OK, f"Vault {version}"), *([skew] if skew else [])]
        if not ready:
            return [
                Finding("vault address", Level.ERROR, f"{address} is not initialised", "vault operator init"),
                *found,
            ]
        if sealed:
            return [Finding("vault address", Level.ERROR, f"{address} is sealed", "vault operator unseal"), *found]
        return [Finding("vault address", Level.OK, f"{address} answers, unsealed"), *found]

    def _life(self) -> list[Finding]:
        """What is held, and whether it is renewed."""
        credentials = self._credentials
        if credentials is None:
            return []
        state = credentials.state
        hint = "See vault_trouble in the daemon's log; what is held stays in use until its end."
        found = []
        if state.attempt:
            told = f"{state.trouble} (failed {state.attempt} times)"
            found.append(Finding("vault renewal", Level.ERROR, told, hint))
        renewed = not state.attempt
        found.append(lifetime("vault login", "the login", state.login_s, renewed=renewed, hint=hint))
        if self._settings.consul_role:
            found.append(lifetime("vault token", "the Consul token", state.token_s, renewed=renewed, hint=hint))
        return found

    def _rights(self) -> list[Finding]:
        """What the login may do of what is needed, by Vault's own word (``sys/capabilities-self``)."""
        from versiqiid.adapters.vault.client import VaultClient  # noqa: PLC0415 - heavy

        settings, credentials = self._settings, self._credentials
        login = credentials.client if credentials is not None else None
        if login is None or not settings.consul_role:
            return []
        wanted = {f"{settings.consul_mount}/creds/{settings.consul_role}": "read", "sys/leases/revoke": "update"}
        client = VaultClient(settings, login.token)  # the credentials' own session belongs to their thread
        try:
            told = client.capabilities(list(wanted))
        except VersiqiiError as error:
            return [Finding("vault rights", Level.ERROR, error.message, error.hint or _POLICY)]
        finally:
            client.close()
        lacking = [path for path, right in wanted.items() if not _has(told.get(path), right)]
        if lacking:
            return [missing("vault rights", Level.ERROR, "use", lacking, _POLICY)]
        return [Finding("vault rights", Level.OK, "the login may fetch its Consul token and give it back")]


def _has(capabilities: Any, right: str) -> bool:
    return isinstance(capabilities, list) and bool({right, "root"} & set(capabilities))
