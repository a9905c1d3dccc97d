"""The ways to log in to Vault. Blocking, for a worker thread. Each login is a new client with a token of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from versiqiid.adapters.vault.client import VaultClient, understood
from versiqiid.adapters.vault.settings import SERVICE_ACCOUNT, VaultAuth
from versiqiid.errors import Forbidden, InvalidSetting, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from versiqiid.adapters.vault.client import Grant
    from versiqiid.adapters.vault.settings import VaultSettings


class Login:
    """Logs in as often as needed."""

    def __init__(self, settings: VaultSettings) -> None:
        self._settings = settings
        self._token = ""  # the last one that was read, for the way ``token``

    def __call__(self) -> tuple[VaultClient, Grant]:
        """A client that carries a token, and the token's grant.

        :raises InvalidSetting: a file with a secret cannot be read, or is empty.
        :raises Forbidden: Vault does not accept what was shown.
        :raises Unavailable: no answer.
        """
        settings = self._settings
        if settings.auth is VaultAuth.TOKEN:
            token = _secret(settings.token, settings.token_file, "token")
            client = VaultClient(settings, token)
            grant = client.given()
            self._token = token
            return client, grant
        client = VaultClient(settings)
        try:
            return client, client.logged_in(self._log_in(client))
        except Refused as error:  # Vault says 400 to wrong credentials
            if isinstance(error, Forbidden):
                raise
            raise Forbidden(error.message, hint=f"Vault did not take the {settings.auth.value} login") from error

    def moved(self) -> bool:
        """Whether the file with the token holds another one than the login was made with.

        :raises InvalidSetting: it cannot be read, or is empty.
        """
        settings = self._settings
        if settings.auth is not VaultAuth.TOKEN or settings.token_file is None or not self._token:
            return False
        return _secret("", settings.token_file, "token") != self._token

    def _log_in(self, client: VaultClient) -> object:
        settings, auth = self._settings, client.hvac.auth
        match settings.auth:
            case VaultAuth.APPROLE:
                secret = self._secret_id()
                return auth.approle.login(settings.role, secret, mount_point=settings.mount)
            case VaultAuth.KUBERNETES:
                jwt = _secret("", settings.jwt_file or SERVICE_ACCOUNT, "service account token")
                return auth.kubernetes.login(settings.role, jwt, mount_point=settings.mount)
            case VaultAuth.JWT:
                jwt = _secret("", settings.jwt_file, "JWT")
                return auth.jwt.jwt_login(settings.role, jwt, path=settings.mount)
            case _:
                pair = {"cert_pem": str(settings.client_cert), "key_pem": str(settings.client_key)}
                return auth.cert.login(name=settings.role, mount_point=settings.mount, **pair)

    def _secret_id(self) -> str:
        settings = self._settings
        given = _secret(settings.secret_id, settings.secret_id_file, "secret id")
        if not settings.secret_id_wrapped:
            return given
        return settings.unwrapped.of(given, lambda: _unwrap(settings, given))


def _unwrap(settings: VaultSettings, token: str) -> str:
    """The secret id in a wrapping token, which is used up by it.

    Where it was made is looked at first: a token wrapped by somebody else, around something else, is not opened
    (https://developer.hashicorp.com/vault/docs/concepts/response-wrapping, "Response wrapping token validation").
    """
    client, mount = VaultClient(settings, token), settings.mount  # Vault wants the wrapping token as the caller's own
    stolen = "somebody may have unwrapped it before: treat the secret id as stolen, revoke it and make a new one"
    try:
        with understood():
            told = client.hvac.adapter.post("/v1/sys/wrapping/lookup", json={"token": token})["data"]
    except Refused as error:
        raise Forbidden("vault: the wrapping token is not valid (any more)", hint=stolen) from error
    if not re.fullmatch(rf"auth/{re.escape(mount)}/role/[^/]+/(custom-)?secret-id", told.get("creation_path", "")):
        raise Forbidden(f"vault: the wrapping token was not made for a secret id of auth/{mount}", hint=stolen)
    try:
        with understood():
            return str(client.hvac.sys.unwrap()["data"]["secret_id"])
    except Refused as error:
        raise Forbidden("vault: the wrapping token is not valid (any more)", hint=stolen) from error


def _secret(value: str, file: Path | None, what: str) -> str:
    if file is None:
        return value
    try:
        found = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"vault: the file {file} with the {what} cannot be read") from error
    if not found:
        raise InvalidSetting(f"vault: the file {file} with the {what} is empty")
    return found
