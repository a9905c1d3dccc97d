"""One HTTP request of a few bytes to somebody outside, and a bounded answer: witnesses and time-stamping authorities.

What is sent and what the answer means is not known here.
"""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

import httpx2

from versiqiid.errors import InvalidSetting, Unavailable

ANSWER_BYTES_MAX = 65_536
"""Arbitrary: far above a cosignature or a time stamp with its certificates."""

TIMEOUT_S = 10.0


class Post:
    """Posts to one address; each request on a connection of its own, with the certificates that Python trusts."""

    def __init__(self, url: str, *, setting: str) -> None:
        """
        :param setting: which setting the address came from, for errors.
        :raises InvalidSetting: no http or https address, or one with credentials.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
            raise InvalidSetting(f"setting '{setting}': expected http://host/… or https://host/… without credentials")
        self._url = url
        self._place = f"{parts.netloc}{parts.path}"

    @property
    def place(self) -> str:
        """Host and path."""
        return self._place

    async def __call__(self, body: bytes, content_type: str, path: str = "") -> tuple[int, bytes]:
        """Post the body; status and body of the answer. Redirects are not followed.

        :raises Unavailable: no answer, or one that is too long.
        """
        headers = {"content-type": content_type}
        try:
            async with (
                httpx2.AsyncClient(timeout=TIMEOUT_S, verify=ssl.create_default_context()) as client,
                client.stream("POST", self._url + path, content=body, headers=headers) as answer,
            ):
                received = bytearray()
                async for part in answer.aiter_bytes():
                    received += part
                    if len(received) > ANSWER_BYTES_MAX:
                        raise Unavailable(f"{self._place}: answered more than {ANSWER_BYTES_MAX} bytes")
                return answer.status_code, bytes(received)
        except httpx2.HTTPError as error:
            raise Unavailable(f"{self._place}: {type(error).__name__}") from error


class WitnessDoor:
    """A witness by its submission prefix; see ``engine.witnessing.Door``."""

    def __init__(self, url: str) -> None:
        """:raises InvalidSetting: no address."""
        self._post = Post(url.rstrip("/"), setting="witness")

    @property
    def place(self) -> str:
        """Host and path."""
        return self._post.place

    async def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of its answer.

        :raises Unavailable: no answer.
        """
        return await self._post(body, "text/plain; charset=utf-8", "/add-checkpoint")
