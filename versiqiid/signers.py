"""Which signer the setting ``signer`` means, and which keys have signed. ``daemon.py`` and the offline commands ask.

Invariant: ``<data-dir>/log.vkey`` names every key of Vault that this journal is signed with here, the present one last.
What is in it stays: a new version in Vault changes nothing until somebody names it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import to_thread

from versiqiid.adapters.signer import LocalSigner
from versiqiid.core.access import Tell
from versiqiid.core.note import VerifierKey, parse_vkey
from versiqiid.errors import InvalidInput, InvalidSetting, Unavailable
from versiqiid.ports import Journal, Signer
from versiqiid.settings import Settings

if TYPE_CHECKING:
    from versiqiid.adapters.vault.transit import TransitKey

KEYS_FILE = "log.vkey"
LOCAL = "local"


@asynccontextmanager
async def open_signer(
    settings: Settings, journal: Journal, *, making: bool = True, tell: Tell = lambda _: None
) -> AsyncIterator[Signer]:
    """The signer of this journal.

    :param tell: takes the facts of access: the signer's logins to Vault.
    :param making: False for tools that only look: no key is made and none is pinned, whatever the journal holds.
    :raises InvalidSetting: the setting is no signer, or Vault has no such key.
    :raises InvalidInput: there are entries, and it is not known which key has signed them.
    :raises Unavailable: Vault gives no answer, and no key was ever pinned here.
    """
    size = await journal.size()
    if settings.signer == LOCAL:
        used = size if making else max(1, size)
        yield await LocalSigner.open(settings.data_dir, name=journal.origin, journal_size=used)
        return
    from versiqiid.adapters.vault.transit import Transit, TransitKey, TransitSigner  # noqa: PLC0415
    from versiqiid.vault import vault_settings  # noqa: PLC0415

    key = TransitKey.parse(settings.signer)
    if not settings.vault:
        raise InvalidSetting("setting 'signer': vault-transit needs the setting 'vault'")
    transit = Transit(vault_settings(settings), key, tell)
    try:
        pinned = await to_thread.run_sync(_pinned, settings.data_dir, journal.origin)
        try:
            versions = await transit.versions()
        except Unavailable:
            if not pinned or not making:
                raise
            yield TransitSigner(transit, None, pinned[-1])  # entries go on; the checkpoint lags until Vault is back
            return
        version = _version(key, versions, pinned, journal_size=size if making else max(1, size))
        chosen = VerifierKey(journal.origin, versions[version])
        if making and (not pinned or pinned[-1] != chosen):
            await to_thread.run_sync(_pin, settings.data_dir, [*(k for k in pinned if k != chosen), chosen])
        yield TransitSigner(transit, version, chosen)
    finally:
        await transit.aclose()


async def known_keys(settings: Settings, journal: Journal) -> list[VerifierKey]:
    """Every key that has signed here, as this machine itself remembers; Vault is not asked."""
    if settings.signer == LOCAL:
        async with open_signer(settings, journal, making=False) as signer:
            return [parse_vkey(signer.vkey)]
    pinned = await to_thread.run_sync(_pinned, settings.data_dir, journal.origin)
    if not pinned:
        raise InvalidInput(f"{settings.data_dir / KEYS_FILE}: not there", hint="give the log's key with --vkey FILE")
    return pinned


def _version(key: TransitKey, versions: dict[int, bytes], pinned: list[VerifierKey], *, journal_size: int) -> int:
    """The version named, else the one pinned, else the newest one where nothing was ever signed."""
    if key.version is not None:
        if key.version not in versions:
            raise InvalidSetting(f"setting 'signer': Vault has no version {key.version} of {key}")
        return key.version
    if pinned:
        for number, public in versions.items():
            if public == pinned[-1].public:
                return number
        raise InvalidInput(
            f"{KEYS_FILE}: no version of {key} in Vault is the key that this journal is signed with",
            hint="name the right key, or a new version with @<version>",
        )
    if journal_size:
        raise InvalidInput(
            f"setting 'signer': the journal has {journal_size} entries, and no version of {key} is pinned here",
            hint=f"name the version that has signed them: vault-transit:{key}@<version>",
        )
    return max(versions)


def _pinned(data_dir: Path, origin: str) -> list[VerifierKey]:
    path = data_dir / KEYS_FILE
    try:
        keys = [parse_vkey(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: cannot be read") from error
    if any(key.name != origin for key in keys):
        raise InvalidInput(f"{path}: it names keys of another journal than {origin}")
    return keys


def _pin(data_dir: Path, keys: list[VerifierKey]) -> None:
    path = data_dir / KEYS_FILE
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        file.writelines(f"{key}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
