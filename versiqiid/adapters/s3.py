"""An S3-compatible bucket as a place where objects are created once. The one door to ``boto3``.

Credentials, region and endpoint come the way AWS's own clients find them (environment, profile, instance role); none of
them is a setting of ours, and none is ever logged. What the objects mean is ``engine/archive*.py``'s.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import anyio
from anyio import to_thread

from versiqiid.errors import Conflict, Forbidden, InvalidSetting, NotFound, Refused, Unavailable, VersiqiiError

CONNECTIONS = 16
CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60
_ATTEMPTS = 4

_RETRYABLE = frozenset(
    {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "ConditionalRequestConflict"}
)
_SERVER_ERROR, _NOT_FOUND, _PRECONDITION_FAILED, _FORBIDDEN = 500, 404, 412, (401, 403)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long Object Lock keeps what is created. ``mode``: GOVERNANCE (some may end it) or COMPLIANCE (nobody)."""

    mode: str
    days: int


class S3Objects:
    """Objects below one prefix of one bucket; see ``engine.archive.Objects``."""

    def __init__(self, client: Any, bucket: str, prefix: str, retention: Retention | None) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._retention = retention
        self._limiter = anyio.CapacityLimiter(CONNECTIONS)

    @classmethod
    async def open(cls, url: str, *, retention: Retention | None = None) -> S3Objects:
        """The bucket, looked at once.

        :param url: ``s3://bucket`` or ``s3://bucket/prefix``.
        :param retention: asked for with every object that is created; None = what the bucket does by itself.
        :raises InvalidSetting: no such address, retention for a bucket without Object Lock, or no boto3.
        :raises NotFound: no such bucket. :raises Forbidden: no credentials, or not enough.
        :raises Unavailable: no answer.
        """
        bucket, prefix = _parts(url)
        client = await to_thread.run_sync(_client)
        opened = cls(client, bucket, prefix, retention)
        if not await opened.has_lock() and retention is not None:
            raise InvalidSetting(
                f"setting 'archive-lock': bucket {bucket} has no Object Lock",
                hint="Object Lock is chosen when a bucket is made; leave the setting out for one without.",
            )
        return opened

    @property
    def place(self) -> str:
        """What errors call it."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    async def has_lock(self) -> bool:
        """Whether the bucket can keep objects from being changed or removed."""

        def ask() -> bool:
            answer = self._client.get_object_lock_configuration(Bucket=self._bucket)
            return bool(answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")

        try:
            return await self._run("", ask)
        except _Answer as answer:
            if answer.code in (
                "ObjectLockConfigurationNotFoundError",
                "NoSuchObjectLockConfiguration",
                "NotImplemented",
            ):
                return False
            raise self._error("", answer, writing=False) from answer

    async def create(self, name: str, data: bytes) -> bool:
        """Make an object that is not there; False when it is, and then it is as it was.

        :raises Unavailable: it may have been made.
        """
        more: dict[str, Any] = {"IfNoneMatch": "*"}
        if self._retention is not None:
            until = datetime.now(UTC) + timedelta(days=self._retention.days)
            more |= {"ObjectLockMode": self._retention.mode, "ObjectLockRetainUntilDate": until}
        try:
            await self._run(name, lambda: self._put(name, data, more))
        except _Answer as answer:
            if answer.status == _PRECONDITION_FAILED:
                return False
            raise self._error(name, answer, writing=True) from answer
        return True

    async def read(self, name: str) -> tuple[bytes, str] | None:
        """An object and its tag, or None."""

        def ask() -> tuple[bytes, str]:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            return answer["Body"].read(), str(answer["ETag"])

        try:
            return await self._run(name, ask)
        except _Answer as answer:
            if answer.code == "NoSuchKey":
                return None
            raise self._error(name, answer, writing=False) from answer

    async def replace(self, name: str, data: bytes, tag: str | None) -> None:
        """Write an object over exactly what was read (None = nothing was there).

        :raises Conflict: something else is there; after a lost answer it may be what was to be written.
        :raises Unavailable: it may have been written.
        """
        more = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        try:
            await self._run(name, lambda: self._put(name, data, more))
        except _Answer as answer:
            if answer.status == _PRECONDITION_FAILED:
                msg = f"{self.place}/{name}: somebody else wrote it"
                raise Conflict(msg, key=name, expected=0, found=None) from answer
            raise self._error(name, answer, writing=True) from answer

    async def names(self, prefix: str) -> tuple[str, ...]:
        """The names of all objects below a prefix, prefix included."""

        def ask() -> tuple[str, ...]:
            pages = self._client.get_paginator("list_objects_v2")
            found = pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix)
            cut = len(self._prefix)
            return tuple(str(item["Key"])[cut:] for page in found for item in page.get("Contents", ()))

        try:
            return await self._run(prefix, ask)
        except _Answer as answer:
            raise self._error(prefix, answer, writing=False) from answer

    def _put(self, name: str, data: bytes, more: dict[str, Any]) -> None:
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        self._client.put_object(
            Bucket=self._bucket, Key=self._prefix + name, Body=data, ChecksumSHA256=checksum, **more
        )

    async def _run(self, name: str, ask: Callable[[], T]) -> T:
        def work() -> T:
            with _answered(f"{self.place}/{name}"):
                return ask()

        return await to_thread.run_sync(work, limiter=self._limiter)

    def _error(self, name: str, answer: _Answer, *, writing: bool) -> VersiqiiError:
        """What the server said as one of ours: its code only, its words may quote what was sent."""
        said = f"{self.place}/{name}: {answer.code} ({answer.status})"
        if answer.code == "NoSuchBucket":
            return NotFound(f"{self.place}: no such bucket", hint="make it, with Object Lock if you can")
        if answer.status in _FORBIDDEN:
            return Forbidden(said, hint="check AWS_ACCESS_KEY_ID and the bucket's policy")
        if answer.status >= _SERVER_ERROR or answer.code in _RETRYABLE:
            failure = Unavailable(said)
            failure.maybe_written = writing and answer.code != "ConditionalRequestConflict"
            return failure
        return Refused(said)


class _Answer(Exception):
    """An error that the server itself gave."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@contextmanager
def _answered(place: str) -> Iterator[None]:
    from botocore import exceptions as b  # noqa: PLC0415

    try:
        yield
    except b.ClientError as error:
        told = error.response
        status = int(told.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        raise _Answer(str(told.get("Error", {}).get("Code", "")), status) from error
    except (b.NoCredentialsError, b.PartialCredentialsError, b.CredentialRetrievalError) as error:
        raise Forbidden(f"{place}: no credentials", hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY") from error
    except (b.BotoCoreError, OSError) as error:
        raise Unavailable(f"{place}: {type(error).__name__}", hint="check AWS_ENDPOINT_URL and the network") from error


def _client() -> Any:
    try:
        import boto3  # noqa: PLC0415 - heavy, and only here where an archive is used
        from botocore.config import Config  # noqa: PLC0415
    except ImportError as error:
        raise InvalidSetting("archive: S3 needs the extra s3", hint="pip install 'versiqiid[s3]'") from error
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        max_pool_connections=CONNECTIONS,
        s3={"addressing_style": "path"},
    )
    with _answered("s3"):
        return boto3.session.Session().client("s3", config=config)


def _parts(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise InvalidSetting(
            "setting 'archive': expected s3://bucket or s3://bucket/prefix",
            hint="credentials come from the environment, never from the address",
        )
    prefix = parts.path.strip("/")
    return parts.netloc, f"{prefix}/" if prefix else ""
