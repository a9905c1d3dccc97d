"""Documents sealed under data keys of Vault's transit engine: whoever may ask it to decrypt them can open documents.

Vault makes a data key, gives it once in plain and once encrypted with its own key, and remembers neither
(https://developer.hashicorp.com/vault/api-docs/secret/transit#generate-data-key). A plain one is never written down.
Used from worker threads of ``anyio``.
"""

from __future__ import annotations

import base64
import os
import threading

from anyio import from_thread

from versiqiid.adapters.vault.client import understood
from versiqiid.adapters.vault.transit import Transit
from versiqiid.core import sealed
from versiqiid.core.sealed import DataKey
from versiqiid.errors import Forbidden, JournalRefused, Refused, Unavailable

_DOCUMENTS_PER_KEY = 1000
"""Arbitrary: far below where random nonces repeat, and a question to Vault is nothing beside a thousand documents."""

_KEYS_KEPT = 64


class VaultSealer:
    """Encrypts with data keys of one transit key."""

    def __init__(self, transit: Transit) -> None:
        self._transit = transit
        self._lock = threading.Lock()
        self._key: DataKey | None = None
        self._left = 0

    def seal(self, data: bytes) -> bytes:
        """The bytes as ``core.sealed`` lays them out; different ones each time.

        :raises Unavailable: Vault gives no data key. :raises Forbidden: it may not.
        :raises InvalidSetting: there is no such key. :raises Refused: the key is none for encryption.
        """
        with self._lock:
            if self._key is None or not self._left:
                self._key, self._left = from_thread.run(self._new), _DOCUMENTS_PER_KEY
            self._left -= 1
            key = self._key
        return sealed.seal(key, os.urandom(sealed.NONCE_BYTES), data)

    async def _new(self) -> DataKey:
        of = self._transit.key
        told = await self._transit.ask(
            lambda client: client.hvac.secrets.transit.generate_data_key(
                of.name, key_type="plaintext", mount_point=of.mount
            )
        )
        with understood():
            plain, wrapped = base64.b64decode(told["data"]["plaintext"], validate=True), str(told["data"]["ciphertext"])
        if len(plain) != sealed.KEY_BYTES or not wrapped.isascii() or "\n" in wrapped:
            raise Unavailable(f"vault {of}: the answer is no data key of {8 * sealed.KEY_BYTES} bits")
        return DataKey(plain, wrapped)


class VaultOpener:
    """Decrypts what was sealed under data keys of one transit key."""

    def __init__(self, transit: Transit) -> None:
        self._transit = transit
        self._known: dict[str, bytes] = {}

    def open(self, data: bytes, place: str) -> bytes:
        """What was sealed.

        :raises JournalRefused: ``sealed``: not under this key, or changed since.
        :raises Unavailable: no answer from Vault. :raises Forbidden: it may not be decrypted with this token.
        """
        wrapped = sealed.wrapped_key(data, place)
        if wrapped not in self._known:
            if len(self._known) >= _KEYS_KEPT:
                self._known.clear()
            self._known[wrapped] = from_thread.run(self._plain, wrapped, place)
        return sealed.unseal(self._known[wrapped], data, place)

    async def _plain(self, wrapped: str, place: str) -> bytes:
        of = self._transit.key
        try:
            told = await self._transit.ask(
                lambda client: client.hvac.secrets.transit.decrypt_data(
                    of.name, ciphertext=wrapped, mount_point=of.mount
                )
            )
        except Forbidden:
            raise
        except Refused as error:
            raise JournalRefused("sealed", place, f"Vault cannot decrypt its data key with {of}") from error
        with understood():
            return base64.b64decode(told["data"]["plaintext"], validate=True)
