"""The archive brought up to date now and then. What is archived, and how, is ``engine/archive.py``'s."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from versiqiid.engine.archive import Archive
from versiqiid.errors import Conflict, Forbidden, NotFound, Unavailable
from versiqiid.ports import Metrics

_PASSING = (Unavailable, Conflict, Forbidden, NotFound)
"""What may be better the next time: rights and buckets are given while we wait."""


class ArchiveLoop:
    """Brings the archive up to date at intervals, for as long as it runs.

    :ivar trouble: the last failure's sentence, empty while it works.
    """

    def __init__(
        self,
        *,
        interval_s: float,
        metrics: Metrics,
        then: Callable[[Archive], Awaitable[None]] | None = None,
    ) -> None:
        """
        :param then: called whenever the archive is up to date, before it is brought up to date again.
        :param interval_s: the setting ``archive-interval-s``, in seconds; also the pause after a failure.
        """
        self._then = then
        self._interval_s = interval_s
        self._metrics = metrics
        self.trouble = ""

    async def run(self, make: Callable[[], Awaitable[Archive]]) -> None:
        """Until cancelled. An archive that is away costs nothing but being behind: its age and size tell.

        :param make: opens the archive; asked again until it could.
        :raises JournalRefused: the archive is no beginning of this journal, or the other way round: a person must look.
        :raises VersiqiiError: the archive cannot be this journal's, or not be used as it is set.
        """
        archive: Archive | None = None
        archived_at = anyio.current_time()
        while True:
            try:
                archive = archive or await make()
                done = await archive.bring()
            except _PASSING as error:
                self.trouble = error.message
            else:
                self.trouble = ""
                archived_at = anyio.current_time()
                self._metrics.gauge("versiqii_archive_entries", done.size)
                if self._then is not None:
                    await self._then(archive)
            self._metrics.gauge("versiqii_archive_age_seconds", anyio.current_time() - archived_at)
            await anyio.sleep(self._interval_s)
