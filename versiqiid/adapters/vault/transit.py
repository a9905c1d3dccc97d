"""Vault's transit engine, and checkpoints signed by it: the key never leaves Vault, and one version of it is pinned.

What is sealed with it is ``sealing.py``'s. Pure Ed25519 over the raw note, nothing is hashed beforehand
(https://developer.hashicorp.com/vault/api-docs/secret/transit#sign-data). What Vault gives is verified here before
anybody sees it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio
from anyio import to_thread

from versiqiid.adapters.vault import told
from versiqiid.adapters.vault.client import Grant, VaultClient
from versiqiid.adapters.vault.login import Login
from versiqiid.adapters.vault.settings import VaultAuth, VaultSettings
from versiqiid.core import ed25519
from versiqiid.core.access import Tell
from versiqiid.core.note import VerifierKey
from versiqiid.errors import Forbidden, InvalidSetting, NotFound, Unavailable, VersiqiiError

_ADDRESS = re.compile(r"vault-transit:([A-Za-z0-9_.\-/]+)/([A-Za-z0-9_.-]+?)(?:@([1-9][0-9]{0,8}))?")
_SIGNATURE = re.compile(r"vault:v([0-9]+):([A-Za-z0-9+/=]+)")
_LOGIN_PAUSE_S = 30.0
"""After a login that did not help, how long none is tried: a missing right must not flood Vault with tokens."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TransitKey:
    """Which key of which engine. ``version`` None = none was named; ``setting`` is what errors call it."""

    mount: str
    name: str
    version: int | None = None
    setting: str = "signer"

    @classmethod
    def parse(cls, text: str) -> TransitKey:
        """
        :raises InvalidSetting: not ``vault-transit:<mount>/<key>`` or ``vault-transit:<mount>/<key>@<version>``.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise InvalidSetting("setting 'signer': expected local or vault-transit:<mount>/<key>[@<version>]")
        return cls(found[1].strip("/"), found[2], int(found[3]) if found[3] else None)

    @classmethod
    def sealing(cls, text: str, setting: str) -> TransitKey:
        """The key of a setting that seals: Vault writes into what it encrypts which version did, so none is named.

        :raises InvalidSetting: not ``vault-transit:<mount>/<key>``.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None or found[3]:
            raise InvalidSetting(f"setting {setting!r}: expected vault-transit:<mount>/<key>, alone")
        return cls(found[1].strip("/"), found[2], setting=setting)

    def __str__(self) -> str:
        return f"{self.mount}/{self.name}"


class Transit:
    """One key in Vault: its versions, and signatures by one of them. Logs in by itself, again when the token ends."""

    def __init__(self, settings: VaultSettings, key: TransitKey, tell: Tell = told.nobody) -> None:
        self._settings = settings
        self.key = key
        self._tell = tell
        self._grant: Grant | None = None
        self._told: Grant | None = None
        self._login = Login(settings)
        self._client: VaultClient | None = None
        self._limiter = anyio.CapacityLimiter(1)
        self._no_login_before = 0.0

    async def versions(self) -> dict[int, bytes]:
        """The public key of each version.

        :raises InvalidSetting: no such key, or none for Ed25519 signatures. :raises Forbidden: not allowed to read it.
        :raises Unavailable: no answer.
        """
        read = await self.ask(
            lambda client: client.hvac.secrets.transit.read_key(self.key.name, mount_point=self.key.mount)
        )
        data = read["data"]
        if data["type"] != "ed25519" or data.get("derived"):
            kind = f"{'derived ' if data.get('derived') else ''}{data['type']}"
            raise InvalidSetting(f"setting 'signer': {self.key} is a {kind} key, expected ed25519")
        return {int(number): base64.b64decode(key["public_key"]) for number, key in data["keys"].items()}

    async def sign(self, message: bytes, version: int) -> bytes:
        """The signature of that version over exactly these bytes, unverified."""
        text = base64.b64encode(message).decode()
        told = await self.ask(
            lambda client: client.hvac.secrets.transit.sign_data(
                self.key.name, hash_input=text, key_version=version, mount_point=self.key.mount
            )
        )
        found = _SIGNATURE.fullmatch(str(told["data"]["signature"]))
        try:
            if found is not None and int(found[1]) == version:
                return base64.b64decode(found[2], validate=True)
        except binascii.Error:
            pass
        raise Unavailable(f"vault {self.key}: the answer is no signature by version {version}")

    async def aclose(self) -> None:
        """Hand back the token that was logged in for; one that somebody gave is theirs."""
        with anyio.move_on_after(self._settings.timeout_s, shield=True):
            await to_thread.run_sync(self._let_go, limiter=self._limiter)
        if self._told is not None and self._settings.auth is not VaultAuth.TOKEN:
            self._tell(told.logged_out(self._settings, self._told, "stopped"))

    async def ask(self, ask: Callable[[VaultClient], Any]) -> Any:
        """The answer to one question about the key.

        :raises InvalidSetting: there is no such key. :raises Forbidden: not allowed. :raises Unavailable: no answer.
        """
        may_log_in = anyio.current_time() >= self._no_login_before
        try:
            return await to_thread.run_sync(self._try, ask, may_log_in, limiter=self._limiter)
        except Forbidden:
            if may_log_in:
                self._no_login_before = anyio.current_time() + _LOGIN_PAUSE_S
            raise
        except NotFound as error:
            raise InvalidSetting(
                f"setting {self.key.setting!r}: Vault has no key {self.key}", hint=error.message
            ) from error
        finally:
            if self._grant is not None and self._grant is not self._told:  # told here: the worker thread may not
                self._told = self._grant
                self._tell(told.logged_in(self._settings, self._told))

    def _try(self, ask: Callable[[VaultClient], T], may_log_in: bool) -> T:
        """Ask with the token in hand; when that has ended, log in once more."""
        if self._client is not None:
            try:
                return ask(self._client)
            except Forbidden:
                if not may_log_in:
                    raise
                self._let_go()
        if not may_log_in:
            raise Forbidden(f"vault {self.key}: the last login did not help", hint="it is tried again in a moment")
        self._client, self._grant = self._login()
        return ask(self._client)

    def _let_go(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            if self._settings.auth is not VaultAuth.TOKEN:
                client.revoke_token()
        except VersiqiiError:
            return  # it ends by itself
        finally:
            client.close()


class TransitSigner:
    """``ports.Signer`` with one pinned version of a key in Vault."""

    def __init__(self, transit: Transit, version: int | None, key: VerifierKey) -> None:
        """:param version: None = the one whose public key is this; Vault is asked for it at the first signature."""
        self._transit = transit
        self._key = key
        self._version = version

    @property
    def name(self) -> str:
        return self._key.name

    @property
    def vkey(self) -> str:
        return str(self._key)

    async def sign(self, message: bytes) -> bytes:
        """See ``ports.Signer``: whatever is wrong with Vault, entries go on and the checkpoint lags.

        :raises Unavailable: no signature, or one that does not verify.
        """
        try:
            if self._version is None:
                self._version = await self._find()
            signature = await self._transit.sign(message, self._version)
        except Unavailable:
            raise
        except VersiqiiError as error:
            raise Unavailable(f"signer: {error.message}", hint=error.hint) from error
        if not ed25519.verify(self._key.public, signature, message):
            raise Unavailable("signer: what Vault gave is no signature of the pinned key version")
        return signature

    async def _find(self) -> int:
        for number, public in (await self._transit.versions()).items():
            if public == self._key.public:
                return number
        raise Unavailable("signer: no version of the key in Vault is the pinned one")

    async def aclose(self) -> None:
        await self._transit.aclose()

    def __repr__(self) -> str:
        return f"TransitSigner({self.vkey})"
