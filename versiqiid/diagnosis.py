"""Checks of what every daemon has: its own versions, its journal, and Kafka where events go there.

Consul's and Vault's are offered by who opens them (``consul.py``).
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from typing import Protocol, cast

from versiqiid import __version__
from versiqiid.core.findings import Check, Finding, Level
from versiqiid.kafka import kafka_settings
from versiqiid.ports import Journal
from versiqiid.settings import Settings

_SCHEMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "postgres": "PostgreSQL"}


class Looked(Protocol):
    """What a journal tells of itself."""

    async def size(self) -> int: ...

    async def missing_guards(self) -> tuple[str, ...]: ...

    async def versions(self) -> tuple[str, str]:
        """The database's version, and the format of our tables in it."""
        ...


def own_checks(settings: Settings, journal: Journal) -> Iterator[Check]:
    """The checks that no opener of a store offers."""
    yield JournalProbe(settings, cast("Looked", journal))
    if settings.vault and not settings.vault_consul_role:  # for the signer alone
        from versiqiid.vault import vault_checks, vault_settings  # noqa: PLC0415 - only where Vault is used

        yield from vault_checks(vault_settings(settings))
    if settings.kafka and "controller" in settings.role:
        from versiqiid.adapters.kafka.probe import KafkaProbe  # noqa: PLC0415 - only where Kafka is used

        yield KafkaProbe(kafka_settings(settings))


class JournalProbe:
    """A check, see ``core/findings.py``."""

    def __init__(self, settings: Settings, journal: Looked) -> None:
        self._settings = settings
        self._journal = journal

    async def __call__(self) -> Sequence[Finding]:
        kind = _SCHEMES[self._settings.journal_url.partition(":")[0]]
        version, form = await self._journal.versions()
        found = [
            Finding("versiqiid version", Level.OK, f"versiqiid {__version__}, Python {platform.python_version()}"),
            Finding("journal version", Level.OK, f"{kind} {version}, tables of format {form}"),
            Finding("journal", Level.OK, f"{await self._journal.size()} entries"),
        ]
        lacking = await self._journal.missing_guards()
        if lacking:
            told = f"guards against change that are not there: {', '.join(lacking)}"
            hint = "Run versiqiid journal init as a superuser; without event triggers an owner may alter tables unseen."
            found.append(Finding("journal guards", Level.WARNING, told, hint))
        return found
