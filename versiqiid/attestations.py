"""Which witnesses and which time-stamping authority the settings mean. ``daemon.py`` and the offline commands ask."""

from __future__ import annotations

from typing import Any

import anyio

from versiqiid.core.cosignature import parse_witness_key
from versiqiid.engine.facts import DAEMON
from versiqiid.engine.timestamping import Authority, TimestampLoop
from versiqiid.engine.witnessing import Witness, WitnessLoop
from versiqiid.errors import InvalidInput, InvalidSetting, JournalRefused
from versiqiid.logs import logger
from versiqiid.ports import Metrics
from versiqiid.settings import Settings

log = logger("attestations")


def witnesses(settings: Settings) -> list[Witness]:
    """The witnesses of the setting ``witness``, in order.

    :raises InvalidSetting: a part that is not ``https://host/prefix#<verifier key>``.
    """
    from versiqiid.adapters.post import WitnessDoor  # noqa: PLC0415

    found = []
    for part in filter(None, (text.strip() for text in settings.witness.split(","))):
        url, _, vkey = part.partition("#")
        try:
            found.append(Witness(WitnessDoor(url), parse_witness_key(vkey)))
        except InvalidInput as error:
            expected = f"setting 'witness': {error.message}"
            raise InvalidSetting(expected, hint="write it as https://host/prefix#<name>+<8 hex>+<base64>") from error
    return found


def authority(settings: Settings) -> Authority:
    """The authority of the setting ``timestamp``.

    :raises InvalidSetting: no address, or no certificates to verify it with.
    """
    from versiqiid.adapters.post import Post  # noqa: PLC0415
    from versiqiid.adapters.timestamps import Authority as Rfc3161Authority  # noqa: PLC0415

    if settings.timestamp_ca is None:
        raise InvalidSetting("setting 'timestamp': needs timestamp-ca, the roots that its answers are verified with")
    try:
        return Rfc3161Authority(Post(settings.timestamp, setting="timestamp"), settings.timestamp_ca.read_bytes())
    except OSError as error:
        raise InvalidSetting(f"setting 'timestamp-ca': {settings.timestamp_ca}: {error.strerror}") from error


class Attesting:
    """The daemon's part: checkpoints witnessed and stamped for as long as it leads, and what to say of it."""

    def __init__(self, settings: Settings, journal: Any, metrics: Metrics) -> None:
        """:raises InvalidSetting: a setting that cannot be used."""
        self._witnessing: WitnessLoop | None = None
        self._stamping: TimestampLoop | None = None
        self._refusal = ""
        if found := witnesses(settings):
            interval_s = settings.witness_interval_s
            self._witnessing = WitnessLoop(journal, found, interval_s=interval_s, metrics=metrics)
        if settings.timestamp:
            interval_s = settings.timestamp_interval_s
            self._stamping = TimestampLoop(journal, authority(settings), actor=DAEMON, interval_s=interval_s)

    async def run(self) -> None:
        """Until cancelled. After a witness has seen another history it is asked nothing more, and that is told."""
        async with anyio.create_task_group() as tasks:
            if self._witnessing is not None:
                tasks.start_soon(self._witness, self._witnessing)
            if self._stamping is not None:
                tasks.start_soon(self._stamping.run)

    async def _witness(self, loop: WitnessLoop) -> None:
        try:
            await loop.run()
        except JournalRefused as refusal:
            self._refusal = refusal.message
            log.error("witness_refused", reason=refusal.message, hint=refusal.hint)

    def note(self) -> str | None:
        """What is wrong with the witnesses or the authority, if anything."""
        witness = self._refusal or (self._witnessing.trouble if self._witnessing else "")
        stamp = self._stamping.trouble if self._stamping else ""
        told = [*(["witness: " + witness] if witness else []), *(["time stamp: " + stamp] if stamp else [])]
        return "; ".join(told) or None
