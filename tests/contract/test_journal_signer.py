"""The local signing key: made once, for an empty journal only, readable by nobody else."""

from __future__ import annotations

import stat
from pathlib import Path

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from versiqiid.adapters.signer import LocalSigner
from versiqiid.core import note
from versiqiid.errors import InvalidInput

pytestmark = pytest.mark.anyio
NAME = "versiqii.local/0123456789abcdef"


def names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


async def test_a_key_is_made_for_an_empty_journal_and_kept(tmp_path: Path) -> None:
    signer = await LocalSigner.open(tmp_path, name=NAME, journal_size=0)
    path = tmp_path / "log.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert isinstance(load_pem_private_key(path.read_bytes(), None), Ed25519PrivateKey)
    again = await LocalSigner.open(tmp_path, name=NAME, journal_size=5)
    assert again.vkey == signer.vkey
    assert names(tmp_path) == ["log.key"]


async def test_what_it_signs_verifies_with_its_vkey(tmp_path: Path) -> None:
    signer = await LocalSigner.open(tmp_path, name=NAME, journal_size=0)
    text = note.Checkpoint(NAME, 1, bytes(32)).text()
    key = note.parse_vkey(signer.vkey)
    signed = note.signed(text, key, await signer.sign(text))
    assert note.verify_checkpoint(signed, [key], "").origin == signer.name == NAME


async def test_a_journal_with_entries_and_no_key_does_not_get_a_new_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"log\.key.*1 entries") as caught:
        await LocalSigner.open(tmp_path, name=NAME, journal_size=1)
    assert "backup" in caught.value.hint
    assert names(tmp_path) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
async def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    await LocalSigner.open(tmp_path, name=NAME, journal_size=0)
    (tmp_path / "log.key").chmod(mode)
    with pytest.raises(InvalidInput, match="mode") as caught:
        await LocalSigner.open(tmp_path, name=NAME, journal_size=0)
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
async def test_a_file_that_is_no_key_is_refused_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InvalidInput, match=r"log\.key: expected") as caught:
        await LocalSigner.open(tmp_path, name=NAME, journal_size=0)
    assert "AAAA" not in str(caught.value)
    assert path.read_bytes() == content


async def test_two_processes_that_start_at_once_have_the_same_key(tmp_path: Path) -> None:
    found: set[str] = set()

    async def work() -> None:
        found.add((await LocalSigner.open(tmp_path, name=NAME, journal_size=0)).vkey)

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(work)
    assert len(found) == 1
    assert names(tmp_path) == ["log.key"]


async def test_the_key_is_never_shown(tmp_path: Path) -> None:
    signer = await LocalSigner.open(tmp_path, name=NAME, journal_size=0)
    assert repr(signer) == f"LocalSigner({signer.vkey})"
