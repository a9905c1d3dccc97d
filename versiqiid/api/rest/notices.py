"""What a reader of a deprecated schema is told in headers: since when, until when, and where to go.

``Deprecation`` is RFC 9745 ("a Date … as defined in Section 3.3.7 of RFC 9651", written ``@`` and seconds), ``Sunset``
RFC 8594 (an HTTP date), ``Link: …; rel="successor-version"`` RFC 5829.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

from versiqiid.api.service import Item, Service
from versiqiid.core import keys as k
from versiqiid.core.objects import Lifecycle, read_lifecycle
from versiqiid.errors import InvalidInput, NotFound


async def notices(service: Service, key: str) -> dict[str, str]:
    """The headers for an answer about this schema key; none for any other key, and while it is not deprecated."""
    meaning = k.parse(key)
    if not isinstance(meaning, k.SchemaKey):
        return {}
    try:
        item = await service.get(f"lifecycle/{meaning.family}/{meaning.version}")
        life = read_lifecycle(item.raw)
    except (NotFound, InvalidInput):
        return {}
    return _headers(meaning.family, life, item) if life.state == "deprecated" else {}


def _headers(family: str, life: Lifecycle, item: Item) -> dict[str, str]:
    found = {}
    if item.updated is not None:
        found["Deprecation"] = f"@{int(_moment(item.updated).timestamp())}"
    if life.sunset is not None:
        found["Sunset"] = format_datetime(_moment(life.sunset), usegmt=True)
    if life.successor is not None:
        found["Link"] = f'</v1/schemas/{family}/{life.successor}>; rel="successor-version"'
    return found


def _moment(text: str) -> datetime:
    """A moment in UTC; a day is its first one."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
