"""One hvac client per credential generation, and Vault's answers as our errors. Blocking, for a worker thread.

hvac's habits that are undone here: it follows redirects and would show the token to another host; it takes a 3xx for
success; it reads ``VAULT_*`` and ``~/.vault-token``; requests adds credentials from ``.netrc`` and proxies from the
environment; statuses beyond a short list lose their number.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import hvac
import requests
from hvac.adapters import RawAdapter

from versiqiid.errors import Forbidden, NotFound, RateLimited, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.adapters.vault.settings import VaultSettings
    from versiqiid.errors import VersiqiiError

_WORDS_MAX = 200


@dataclass(frozen=True, slots=True)
class Grant:
    """What Vault gave, for how long. ``lease_id`` is empty for a token, ``accessor`` is Consul's name of its token."""

    value: str = field(repr=False)
    lease_s: float
    renewable: bool
    lease_id: str = ""
    accessor: str = ""


@contextmanager
def understood() -> Iterator[None]:
    """A body that takes an answer apart.

    :raises Unavailable: the answer has not the shape of Vault's; what was asked for may have happened.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable("vault: the answer is not Vault's", hint="Check the address.") from error


class _Adapter(RawAdapter):  # type: ignore[misc]  # hvac ships no types
    """Every answer is either JSON or one of our errors, decided in this one place.

    :ivar date: the ``Date`` header of the last answer.
    """

    date = ""

    def request(self, method: str, url: str, headers: Any = None, raise_exception: bool = True, **kwargs: Any) -> Any:  # noqa: ARG002
        place = f"vault {method.upper()} {url.removeprefix('/v1/')}"
        try:
            response = super().request(method, url, headers, raise_exception=False, **kwargs)
        except requests.ConnectionError as error:
            failure = Unavailable(
                f"{place}: cannot connect to {self.base_uri}", hint="is Vault up, and is its TLS trusted?"
            )
            raise failure from error
        except requests.RequestException as error:
            raise Unavailable(f"{place}: no answer ({type(error).__name__})") from error
        self.date = response.headers.get("Date", "")
        if response.status_code // 100 != HTTPStatus.OK // 100:
            raise _failure(place, response)
        if response.status_code == HTTPStatus.NO_CONTENT:
            return {}
        try:
            return response.json()
        except ValueError as error:
            raise Unavailable(f"{place}: the answer is no JSON", hint="is this really Vault?") from error

    def get_login_token(self, response: Any) -> Any:
        with understood():
            return response["auth"]["client_token"]


_HINTS = {
    401: "the token has ended, or its policy does not allow this",
    403: "the token has ended, or its policy does not allow this",
    501: "Vault is not initialised",
    503: "Vault is sealed or in maintenance; it is asked again",
    **dict.fromkeys((412, 472, 473, 474, 530), "this node cannot answer; point the address at the active one"),
    **dict.fromkeys(
        (301, 302, 303, 307, 308),
        "a redirect is not followed, it would show the token to another host: point the address at that host directly",
    ),
}


def _failure(place: str, response: requests.Response) -> VersiqiiError:
    """The error that says what a caller may do next. Vault's own words are kept short."""
    status = response.status_code
    told, hint = f"{place}: {status}{_words(response)}", _HINTS.get(status, "")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        after = response.headers.get("Retry-After", "")
        return RateLimited(told, retry_after_s=float(after) if after.isdigit() else None)
    if hint and status not in (401, 403):
        return _away(told, hint)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.BAD_REQUEST:
        return Unavailable(told)
    kind = {401: Forbidden, 403: Forbidden, 404: NotFound}.get(status, Refused)
    return kind(told, hint=hint)


def _away(told: str, hint: str) -> Unavailable:
    failure = Unavailable(told, hint=hint)
    failure.maybe_written = False
    return failure


def _words(response: requests.Response) -> str:
    try:
        errors = response.json()["errors"]
        return (" " + "; ".join(str(error) for error in errors))[:_WORDS_MAX] if errors else ""
    except (ValueError, KeyError, TypeError):
        return ""


class VaultClient:
    """One generation: a token and the session that carries it. Never shared between generations."""

    def __init__(self, settings: VaultSettings, token: str = "") -> None:
        verify = str(settings.ca_cert) if settings.ca_cert else True
        pair = (str(settings.client_cert), str(settings.client_key)) if settings.client_cert else None
        session = requests.Session()
        session.trust_env = False
        session.verify, session.cert = verify, pair
        self._settings = settings
        self.hvac: Any = hvac.Client(
            url=settings.address,
            token=token,  # "" and not None, which would read the environment
            verify=verify,
            cert=pair,
            timeout=settings.timeout_s,
            allow_redirects=False,
            session=session,
            adapter=_Adapter,
            namespace=settings.namespace or None,
        )

    @property
    def token(self) -> str:
        return str(self.hvac.token)

    def logged_in(self, answer: Any) -> Grant:
        """The grant of a login, whose token this client now carries."""
        with understood():
            auth = answer["auth"]
            return Grant(str(auth["client_token"]), float(auth["lease_duration"]), bool(auth["renewable"]))

    def look_up(self) -> Grant:
        """The token in hand as a grant."""
        with understood():
            data = self.hvac.auth.token.lookup_self()["data"]
            return Grant(self.token, float(data["ttl"]), bool(data.get("renewable", False)))

    def given(self) -> Grant:
        """A token that somebody else was granted, renewed for as long as it was granted at first.

        It may be near its end by now, and a renewal that asks for what is left would never prolong it. A token that
        must not be renewed is taken as it is.
        """
        with understood():
            data = self.hvac.auth.token.lookup_self()["data"]
            found = Grant(self.token, float(data["ttl"]), bool(data.get("renewable", False)))
            whole = float(data.get("period") or data.get("creation_ttl") or 0)
        if not found.renewable or whole <= found.lease_s:
            return found
        try:
            return self.renew_token(whole)
        except Refused:
            return found

    def renew_token(self, increment_s: float) -> Grant:
        return self.logged_in(self.hvac.auth.token.renew_self(increment=f"{int(increment_s)}s"))

    def health(self) -> tuple[Any, str]:
        """What Vault says of itself in whatever state it is, and the ``Date`` of the answer. Needs no token."""
        codes = dict.fromkeys(
            ("standbycode", "sealedcode", "uninitcode", "drsecondarycode", "performancestandbycode"), 200
        )
        path = f"/v1/sys/health?{urlencode(codes)}"
        return self.hvac.adapter.get(path), self.hvac.adapter.date

    def capabilities(self, paths: list[str]) -> Any:
        """What the token may do: path → capabilities."""
        return self.hvac.sys.get_capabilities(paths)

    def revoke_token(self) -> None:
        self.hvac.auth.token.revoke_self()

    def consul_token(self, role: str) -> Grant:
        """A new Consul token."""
        answer = self.hvac.secrets.consul.generate_credentials(role, mount_point=self._settings.consul_mount)
        with understood():
            data, lease = answer["data"], float(answer["lease_duration"])
            accessor = str(data.get("accessor", ""))
            return Grant(str(data["token"]), lease, bool(answer["renewable"]), str(answer["lease_id"]), accessor)

    def renew_lease(self, grant: Grant, increment_s: float) -> Grant:
        answer = self.hvac.sys.renew_lease(grant.lease_id, increment=int(increment_s))
        with understood():
            return replace(grant, lease_s=float(answer["lease_duration"]), renewable=bool(answer["renewable"]))

    def revoke_lease(self, grant: Grant) -> None:
        """Return when it is revoked and Consul knows the token no more; hvac's own call only asks for that.

        "sync: By default, this endpoint revokes leases asynchronously (in the background). Set to true to revoke leases
        synchronously" (https://developer.hashicorp.com/vault/api-docs/system/leases#revoke-lease).
        """
        self.hvac.adapter.put("/v1/sys/leases/revoke", json={"lease_id": grant.lease_id, "sync": True})

    def close(self) -> None:
        self.hvac.adapter.close()
