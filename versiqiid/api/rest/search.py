"""``GET /v1/search``: entries by the words in them and in their documents, newest first, page by page."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from versiqiid.api.search import LIMIT_MAX, Search
from versiqiid.core.search import POSITION_MAX, Asked
from versiqiid.errors import InvalidInput

QUERY_CHARACTERS_MAX = 8192
_WORD = re.compile(r'"([^"]+)"|(\S+)')

_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["items", "indexed", "size"],
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "description": "A journal entry, and where it was found.",
                "required": ["position", "time", "type", "stream", "foundIn"],
                "properties": {
                    "position": {"type": "integer"},
                    "time": {"type": "string"},
                    "type": {"type": "string"},
                    "stream": {"type": "string"},
                    "foundIn": {"type": "array", "items": {"enum": ["entry", "document"]}},
                },
            },
        },
        "indexed": {"type": "integer", "description": "Entries that were searched; ask again while there are more."},
        "size": {"type": "integer", "description": "Entries that there are."},
        "nextPageToken": {"type": "string"},
    },
}
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "What was found, newest first.", "content": {"application/json": {"schema": _SCHEMA}}}
}

Words = Annotated[
    str,
    Query(
        max_length=QUERY_CHARACTERS_MAX,
        description=(
            "Words, parted by spaces; all of them must be there. `releas*` finds anything that begins so,"
            ' `"two words"` the two behind one another.'
        ),
    ),
]


def router(search: Search) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["search"])

    @routes.get("/search", summary="Full-text search over entries and documents", responses=_ANSWER)
    async def read(
        q: Words,
        within: Annotated[Literal["entry", "document"] | None, Query(alias="in", description="Only there.")] = None,
        page_size: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 20,
        page_token: Annotated[str, Query(description="`nextPageToken` of the page before.")] = "",
    ) -> JSONResponse:
        asked = Asked(words_of(q), within, page_size, _before(page_token))
        return JSONResponse((await search.find(asked)).as_json())

    return routes


def words_of(text: str) -> tuple[str, ...]:
    """Words parted by spaces; what stands between quotation marks is one."""
    return tuple(quoted or plain for quoted, plain in _WORD.findall(text))


def _before(token: str) -> int:
    if not token:
        return POSITION_MAX
    if not (token.isascii() and token.isdigit() and len(token) < len(str(POSITION_MAX))):
        raise InvalidInput("page_token is none that was given out", hint="Give nextPageToken of the page before.")
    return int(token)
