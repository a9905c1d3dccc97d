"""How documents of an archive are encrypted: what the setting ``archive-recipient`` means. ``archives.py`` asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from versiqiid.core.access import Tell
from versiqiid.engine.archive import AGE, SEALED
from versiqiid.engine.archive_restore import Open
from versiqiid.errors import InvalidSetting
from versiqiid.settings import Settings

if TYPE_CHECKING:
    from versiqiid.adapters.vault.transit import Transit

VAULT = "vault-transit:"
SETTING = "archive-recipient"


@dataclass(frozen=True, slots=True)
class Sealing:
    """How documents are encrypted. ``seal`` None = they are not archived; it is called in worker threads."""

    seal: Callable[[bytes], bytes] | None
    suffix: str = AGE


@dataclass(frozen=True, slots=True)
class Opening:
    """How they are decrypted. ``open`` None = they are not; it is called in worker threads."""

    open: Open | None
    suffix: str = AGE


@asynccontextmanager
async def open_sealing(settings: Settings, tell: Tell) -> AsyncIterator[Sealing]:
    """
    :param tell: takes the facts of access: logins to Vault.
    :raises InvalidSetting: no age recipient and no key of Vault, or Vault is not set.
    """
    if by_vault(settings):
        from versiqiid.adapters.vault.sealing import VaultSealer  # noqa: PLC0415

        async with _transit(settings, tell) as transit:
            yield Sealing(VaultSealer(transit).seal, SEALED)
        return
    recipients = [text for text in settings.archive_recipient.split(",") if text.strip()]
    if not recipients:
        yield Sealing(None)
        return
    from versiqiid.adapters.age import Sealer  # noqa: PLC0415

    yield Sealing(Sealer(recipients).seal)


@asynccontextmanager
async def open_opening(settings: Settings, identity: Path | None, *, documents: bool) -> AsyncIterator[Opening]:
    """
    :param identity: age identities; None = the setting's key of Vault, if documents are wanted.
    :raises InvalidSetting: the file holds no identity, or the setting names no key of Vault.
    """
    if not documents:
        yield Opening(None)
    elif identity is not None:
        from versiqiid.adapters.age import Opener  # noqa: PLC0415

        yield Opening(Opener(identity).open)
    else:
        from versiqiid.adapters.vault.sealing import VaultOpener  # noqa: PLC0415

        async with _transit(settings, lambda _: None) as transit:
            yield Opening(VaultOpener(transit).open, SEALED)


def by_vault(settings: Settings) -> bool:
    """Whether documents are encrypted under a key of Vault."""
    return settings.archive_recipient.strip().startswith(VAULT)


@asynccontextmanager
async def _transit(settings: Settings, tell: Tell) -> AsyncIterator[Transit]:
    from versiqiid.adapters.vault.transit import Transit, TransitKey  # noqa: PLC0415
    from versiqiid.vault import vault_settings  # noqa: PLC0415

    key = TransitKey.sealing(settings.archive_recipient.strip(), SETTING)
    if not settings.vault:
        raise InvalidSetting(f"setting {SETTING!r}: vault-transit needs the setting 'vault'")
    transit = Transit(vault_settings(settings), key, tell)
    try:
        yield transit
    finally:
        await transit.aclose()
