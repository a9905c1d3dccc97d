"""Documents archived under data keys of a real Vault, and opened with nothing but the right to ask it."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.archive.bucket import ORIGIN, SIGNER, Bucket, archive_of, same
from tests.services.vault import Vault
from versiqiid.adapters.s3 import S3Objects
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core.canonical import digest
from versiqiid.engine.archive import SEALED, Archive, object_of
from versiqiid.engine.archive_restore import mirror, restore
from versiqiid.errors import Forbidden, InvalidSetting, JournalRefused, Refused, Unavailable
from versiqiid.seals import open_opening, open_sealing
from versiqiid.settings import Settings
from versiqiid.testing.journal_tools import ACTOR, SteppingClock, about

pytestmark = [pytest.mark.anyio, pytest.mark.s3, pytest.mark.vault]

Make = Callable[..., Settings]


def make_key(vault: Vault, kind: str = "aes256-gcm96") -> str:
    mount = f"transit-{secrets.token_hex(4)}"
    vault.demand("POST", f"/v1/sys/mounts/{mount}", {"type": "transit"})
    vault.demand("POST", f"/v1/{mount}/keys/documents", {"type": kind})
    return f"{mount}/documents"


def token_for(vault: Vault, rules: str) -> str:
    """A token that may do just this."""
    name = f"p{secrets.token_hex(4)}"
    vault.demand("PUT", f"/v1/sys/policies/acl/{name}", {"policy": rules})
    made = vault.demand("POST", "/v1/auth/token/create", {"policies": [name], "no_default_policy": False})
    return str(made.json()["auth"]["client_token"])


@pytest.fixture
def key(shared_vault: Vault) -> str:
    return make_key(shared_vault)


@pytest.fixture
def make(shared_vault: Vault, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setenv("VAULT_TOKEN", shared_vault.token)

    def make(recipient: str = f"vault-transit:{key}", **more: Any) -> Settings:
        return Settings(data_dir=tmp_path, **{"vault": shared_vault.url, "archive_recipient": recipient, **more})

    return make


async def bring(journal: SqlJournal, bucket: Bucket, settings: Settings) -> int:
    """The number of documents that were added."""
    async with open_sealing(settings, lambda _: None) as sealing:
        objects = await S3Objects.open(bucket.url)
        archive = Archive(journal, objects, SIGNER.key, sealing.seal, actor=ACTOR, suffix=sealing.suffix)
        done = await archive.bring()
        assert await archive.documents() == set(await journal.document_names())
        return done.documents


async def fetch(bucket: Bucket, settings: Settings) -> SqlJournal:
    """A journal restored into a new file, open."""
    path = settings.data_dir / f"{secrets.token_hex(4)}.db"
    objects = await S3Objects.open(bucket.url)
    with tempfile.TemporaryDirectory() as folder:
        async with open_opening(settings, None, documents=True) as opening:
            found = await mirror(objects, Path(folder), [SIGNER.key], documents=True, suffix=opening.suffix)
            made = await SqliteJournal.open(path, clock=SteppingClock(), origin=ORIGIN)
            try:
                await restore(made, found, opening.open)
            except BaseException:
                assert await made.size() == 0
                await made.aclose()
                raise
            return made


async def test_what_was_sealed_comes_back_also_after_the_key_was_rotated(
    journal: SqlJournal, bucket: Bucket, make: Make, shared_vault: Vault, key: str
) -> None:
    assert await bring(journal, bucket, make()) == 9
    mount, _, name = key.rpartition("/")
    shared_vault.demand("POST", f"/v1/{mount}/keys/{name}/rotate", {})
    await journal.append([about("k2", 70, b"sealed later")])
    await journal.sign_checkpoint(SIGNER)
    assert await bring(journal, bucket, make()) == 1
    heads = [bucket.get(name).split(b"\n")[0] for name in bucket.names() if name.endswith(SEALED)]
    assert {head.split(b":")[1] for head in heads} == {b"v1", b"v2"}
    assert len(set(heads)) == 2, "one data key for many documents, another for each daemon"
    assert not any(b"value 3" in bucket.get(name) for name in bucket.names() if name.startswith("documents/"))
    async with await fetch(bucket, make()) as other:
        await same(journal, other)


async def test_another_way_to_seal_seals_all_of_it_again(journal: SqlJournal, bucket: Bucket, make: Make) -> None:
    await (await archive_of(journal, bucket)).bring()
    assert await bring(journal, bucket, make()) == 9
    async with await fetch(bucket, make()) as other:
        await same(journal, other)


CHANGES: dict[str, Callable[[bytes, bytes], bytes]] = {
    "header": lambda data, _: data.replace(b"sealed/v1", b"sealed/v2", 1),
    "data key": lambda data, _: data.replace(b"vault:v1:", b"vault:v1:AA", 1),
    "nonce": lambda data, _: _flip(data, data.index(b"\n") + 1),
    "content": lambda data, _: _flip(data, -20),
    "tag": lambda data, _: _flip(data, -1),
    "cut": lambda data, _: data[: data.index(b"\n") + 5],
    "empty": lambda *_: b"",
    "another document": lambda _, other: other,
}


def _flip(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_changed_is_refused_by_name(
    journal: SqlJournal, bucket: Bucket, make: Make, change: str
) -> None:
    await bring(journal, bucket, make())
    name, other = (object_of(digest(b"value %d" % number), SEALED) for number in (5, 6))
    bucket.put(name, CHANGES[change](bucket.get(name), bucket.get(other)))
    with pytest.raises(JournalRefused) as caught:
        await fetch(bucket, make())
    expected = ("document", digest(b"value 5")) if change == "another document" else ("sealed", name)
    assert (caught.value.fault, caught.value.place) == expected


async def test_another_key_of_vault_opens_nothing(
    journal: SqlJournal, bucket: Bucket, make: Make, shared_vault: Vault
) -> None:
    await bring(journal, bucket, make())
    with pytest.raises(JournalRefused, match="cannot decrypt its data key"):
        await fetch(bucket, make(f"vault-transit:{make_key(shared_vault)}"))


async def test_who_archives_needs_no_right_to_read(
    journal: SqlJournal, bucket: Bucket, shared_vault: Vault, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with age: the daemon that seals cannot open what others sealed."""
    mount, _, name = make().archive_recipient.removeprefix("vault-transit:").rpartition("/")
    sealing = token_for(shared_vault, f'path "{mount}/datakey/plaintext/{name}" {{ capabilities = ["update"] }}')
    monkeypatch.setenv("VAULT_TOKEN", sealing)
    assert await bring(journal, bucket, make()) == 9
    with pytest.raises(Forbidden):
        await fetch(bucket, make())
    opening = token_for(shared_vault, f'path "{mount}/decrypt/{name}" {{ capabilities = ["update"] }}')
    monkeypatch.setenv("VAULT_TOKEN", opening)
    async with await fetch(bucket, make()) as other:
        await same(journal, other)
    await journal.append([about("k3", 80, b"more")])
    with pytest.raises(Forbidden):
        await bring(journal, bucket, make())


async def test_vault_away_is_told_and_made_good(journal: SqlJournal, bucket: Bucket, make: Make) -> None:
    with pytest.raises(Unavailable):
        await bring(journal, bucket, make(vault="http://127.0.0.1:9"))
    assert [name for name in bucket.names() if name.startswith(("documents/", "checkpoint"))] == []
    assert await bring(journal, bucket, make()) == 9


async def test_a_key_that_cannot_seal_is_refused(
    journal: SqlJournal, bucket: Bucket, make: Make, shared_vault: Vault, key: str
) -> None:
    with pytest.raises(Refused):
        await bring(journal, bucket, make(f"vault-transit:{make_key(shared_vault, 'ed25519')}"))
    with pytest.raises((InvalidSetting, Refused)):
        await bring(journal, bucket, make(f"vault-transit:{key}-not-there"))


@pytest.mark.parametrize(
    ("recipient", "more", "told"),
    [
        ("vault-transit:only-a-mount", {}, "expected vault-transit:<mount>/<key>, alone"),
        ("vault-transit:m/key@2", {}, "expected vault-transit:<mount>/<key>, alone"),
        ("vault-transit:m/key,age1xyz", {}, "expected vault-transit:<mount>/<key>, alone"),
        ("age1xyz,vault-transit:m/key", {}, "expected age1"),
        ("vault-transit:m/key", {"vault": ""}, "needs the setting 'vault'"),
    ],
)
async def test_a_recipient_that_cannot_be_is_refused_by_name(
    make: Make, recipient: str, more: dict[str, str], told: str
) -> None:
    with pytest.raises(InvalidSetting) as caught:
        async with open_sealing(make(recipient, **more), lambda _: None):
            pass
    assert "archive-recipient" in caught.value.message
    assert told in caught.value.message
