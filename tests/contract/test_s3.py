"""Objects on a real S3 server: created once, replaced only over what was read, kept by Object Lock; errors as ours."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import anyio
import boto3
import pytest
from botocore.exceptions import ClientError

from tests.services.versitygw import Versitygw
from versiqiid.adapters.s3 import Retention, S3Objects
from versiqiid.errors import Conflict, Forbidden, InvalidSetting, NotFound, Unavailable

pytestmark = [pytest.mark.anyio, pytest.mark.s3]


@pytest.fixture
def server(shared_versitygw: Versitygw, monkeypatch: pytest.MonkeyPatch) -> Versitygw:
    for name, value in shared_versitygw.credentials.items():
        monkeypatch.setenv(name, value)
    return shared_versitygw


@pytest.fixture
def s3(server: Versitygw) -> Iterator[Any]:
    client = boto3.session.Session().client("s3", endpoint_url=server.url)
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"b{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def locked(s3: Any) -> str:
    name = f"l{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


async def test_an_object_is_created_once(bucket: str) -> None:
    objects = await S3Objects.open(f"s3://{bucket}/a/b")
    assert await objects.read("x/y") is None
    assert await objects.create("x/y", b"one")
    assert not await objects.create("x/y", b"two")
    found = await objects.read("x/y")
    assert found is not None
    assert found[0] == b"one"
    assert not await objects.has_lock()


async def test_of_many_that_create_at_once_one_does(bucket: str) -> None:
    objects = await S3Objects.open(f"s3://{bucket}")
    made: list[bytes] = []

    async def create(value: bytes) -> None:
        if await objects.create("x", value):
            made.append(value)

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(create, b"%d" % number)
    found = await objects.read("x")
    assert found is not None
    assert [found[0]] == made


async def test_an_object_is_replaced_only_over_what_was_read(bucket: str) -> None:
    objects = await S3Objects.open(f"s3://{bucket}/p")
    await objects.replace("c", b"one", None)
    with pytest.raises(Conflict):
        await objects.replace("c", b"two", None)
    found = await objects.read("c")
    assert found is not None
    await objects.replace("c", b"two", found[1])
    with pytest.raises(Conflict):
        await objects.replace("c", b"three", found[1])
    found = await objects.read("c")
    assert found is not None
    assert found[0] == b"two"


async def test_names_are_those_below_the_prefix_and_all_of_them(bucket: str, s3: Any) -> None:
    objects, other = await S3Objects.open(f"s3://{bucket}/p"), await S3Objects.open(f"s3://{bucket}/pp")
    wanted = {f"d/{number}" for number in range(1003)}  # more than one page
    for name in wanted:
        s3.put_object(Bucket=bucket, Key=f"p/{name}", Body=b"")
    await objects.create("e/1", b"")
    await other.create("d/other", b"")
    assert set(await objects.names("d/")) == wanted
    assert await objects.names("none/") == ()


async def test_object_lock_keeps_what_was_created(locked: str, s3: Any) -> None:
    objects = await S3Objects.open(f"s3://{locked}/p", retention=Retention("COMPLIANCE", 2))
    assert await objects.has_lock()
    assert await objects.create("x", b"kept")
    told = s3.get_object_retention(Bucket=locked, Key="p/x")["Retention"]
    assert told["Mode"] == "COMPLIANCE"
    (version,) = s3.list_object_versions(Bucket=locked, Prefix="p/x")["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=locked, Key="p/x", VersionId=version["VersionId"])
    assert not await objects.create("x", b"other")


async def test_a_bucket_without_lock_cannot_promise_retention(bucket: str) -> None:
    with pytest.raises(InvalidSetting, match="Object Lock"):
        await S3Objects.open(f"s3://{bucket}", retention=Retention("GOVERNANCE", 2))


async def test_faults_are_told_apart(bucket: str, server: Versitygw, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound, match="no such bucket"):
        await S3Objects.open("s3://not-there-at-all")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    with pytest.raises(Forbidden) as refused:
        await S3Objects.open(f"s3://{bucket}")
    assert "wrong-secret" not in str(refused.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Unavailable):
        await S3Objects.open(f"s3://{bucket}")
    for name in server.credentials:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    with pytest.raises(Forbidden, match="no credentials"):
        await S3Objects.open(f"s3://{bucket}")


@pytest.mark.parametrize("url", ["", "s3://", "https://b/p", "s3://user:secret@bucket/p", "s3://b/p?x=1", "bucket"])
async def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidSetting, match="'archive'") as refused:
        await S3Objects.open(url)
    assert "secret" not in str(refused.value)


async def test_a_server_that_goes_away_is_unavailable(versitygw: Versitygw, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in versitygw.credentials.items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("s3", endpoint_url=versitygw.url)
    client.create_bucket(Bucket="bucket")
    client.close()
    objects = await S3Objects.open("s3://bucket")
    await objects.create("x", b"1")
    versitygw.kill()
    with pytest.raises(Unavailable) as failed:
        await objects.create("y", b"1")
    assert failed.value.maybe_written
    versitygw.start()
    assert await objects.create("y", b"1")
    assert not await objects.create("x", b"2")
