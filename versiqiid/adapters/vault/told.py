"""What the life of a credential is in the words of the journal. Tokens stand here by nickname, never by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from versiqiid.core.access import Access, nickname

if TYPE_CHECKING:
    from versiqiid.adapters.vault.client import Grant
    from versiqiid.adapters.vault.settings import VaultSettings
    from versiqiid.errors import Forbidden

_LOGIN = "token/vault"


def nobody(_fact: Access) -> None:
    """Takes facts where nobody keeps them."""


def logged_in(settings: VaultSettings, grant: Grant) -> Access:
    """Vault took what was shown."""
    return Access("LoggedIn", _LOGIN, {"credential": "vault", "method": _way(settings), **_named(grant)})


def logged_out(settings: VaultSettings, grant: Grant, why: str) -> Access:
    """The login was handed back."""
    data = {"credential": "vault", "method": _way(settings), "subject": nickname(grant.value), "reason": why}
    return Access("TokenRevoked", _LOGIN, data)


def issued(settings: VaultSettings, grant: Grant) -> Access:
    """Vault gave a token."""
    return Access("TokenIssued", _stream(settings), {**_token(settings), **_named(grant)})


def used(settings: VaultSettings, grant: Grant, previous: Grant | None) -> Access:
    """From now on requests carry this one."""
    data = {**_token(settings), **_named(grant)}
    if previous is None:
        return Access("TokenUsed", _stream(settings), data)
    return Access("TokenRotated", _stream(settings), {**data, "previous": nickname(previous.value)})


def revoked(settings: VaultSettings, grant: Grant, why: str) -> Access:
    """Vault has taken the token back, and Consul knows it no more."""
    data = {**_token(settings), "subject": nickname(grant.value), "reason": why}
    return Access("TokenRevoked", _stream(settings), data | _accessor(grant))


def refused(settings: VaultSettings, error: Forbidden, *, login: bool) -> Access:
    """Vault said no: to a login, or to what the login may not do."""
    if login:
        data = {"credential": "vault", "method": _way(settings), "reason": error.message}
        return Access("LoginFailed", _LOGIN, data)
    resource = f"{settings.consul_mount}/creds/{settings.consul_role}"
    data = {"policy": "vault", "action": "read", "resource": resource, "reason": error.message}
    return Access("PolicyDenied", _stream(settings), {"credential": settings.use, **data})


def _way(settings: VaultSettings) -> str:
    return f"vault/auth/{settings.mount}"


def _stream(settings: VaultSettings) -> str:
    return f"token/{settings.use}"


def _token(settings: VaultSettings) -> dict[str, Any]:
    source = f"vault/{settings.consul_mount}/creds/{settings.consul_role}" if settings.consul_role else _way(settings)
    return {"credential": settings.use, "method": source}


def _named(grant: Grant) -> dict[str, Any]:
    more = {"lifetimeSeconds": grant.lease_s or None, "renewable": grant.renewable}
    return {"subject": nickname(grant.value), **more, **_accessor(grant)}


def _accessor(grant: Grant) -> dict[str, Any]:
    """Consul's own public name of a token; Vault's accessors can be used to revoke, and are told to nobody."""
    return {"accessor": grant.accessor} if grant.accessor else {}
