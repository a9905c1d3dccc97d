"""RFC 3161 time stamps: asked for, and verified up to a root that was given. The one door to ``rfc3161-client``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from cryptography import x509

from versiqiid.core.times import rfc3339
from versiqiid.errors import InvalidSetting, JournalRefused, Unavailable

_QUERY = "application/timestamp-query"
_OK = 200


class Post(Protocol):
    """The way to an authority."""

    @property
    def place(self) -> str:
        """What errors call it."""
        ...

    async def __call__(self, body: bytes, content_type: str) -> tuple[int, bytes]:
        """Status and body of the answer."""
        ...


class Authority:
    """A time-stamping authority (TSA) and the roots that its certificate must lead to."""

    def __init__(self, post: Post, roots: bytes) -> None:
        """
        :param roots: one or more certificates as PEM.
        :raises InvalidSetting: no certificates, or the extra ``timestamp`` is not installed.
        """
        self._post = post
        self._roots = roots
        _certificates(roots)

    @property
    def place(self) -> str:
        """What errors call it."""
        return self._post.place

    async def stamp(self, data: bytes) -> tuple[bytes, str]:
        """The authority's answer over the SHA-256 of the data, verified, and its time as RFC 3339.

        :raises Unavailable: no answer, or none with a time stamp.
        :raises JournalRefused: ``timestamp``: its answer does not verify.
        """
        library = _library()
        request = library.TimestampRequestBuilder().data(data).build()
        status, answer = await self._post(request.as_bytes(), _QUERY)
        if status != _OK:
            raise Unavailable(f"time stamp {self.place}: answered {status}")
        return answer, verify(answer, data, self._roots, self.place, nonce=request.nonce)


def verify(response: bytes, data: bytes, roots: bytes, place: str, *, nonce: int | None = None) -> str:
    """When the authority saw the data, by its own clock, as RFC 3339.

    :param response: a DER ``TimeStampResp``.
    :raises JournalRefused: ``timestamp``: no answer, not granted, over other data, or not signed under these roots.
    :raises InvalidSetting: the roots are no certificates.
    """
    library = _library()
    builder = library.VerifierBuilder()
    for certificate in _certificates(roots):
        builder = builder.add_root_certificate(certificate)
    if nonce is not None:
        builder = builder.nonce(nonce)
    try:
        told = library.decode_timestamp_response(response)
        builder.build().verify_message(told, data)
        time: datetime = told.tst_info.gen_time
    except (library.VerificationError, ValueError) as error:
        raise JournalRefused("timestamp", place, str(error) or "not a time stamp of this") from error
    return rfc3339(time.timestamp())


def _certificates(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise InvalidSetting("setting 'timestamp-ca': expected certificates as PEM") from error


def _library() -> Any:
    try:
        import rfc3161_client  # noqa: PLC0415 - only here where something is stamped
    except ImportError as error:
        hint = "pip install 'versiqiid[timestamp]'"
        raise InvalidSetting("setting 'timestamp': time stamps need the extra timestamp", hint=hint) from error
    return rfc3161_client
