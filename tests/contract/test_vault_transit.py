"""Checkpoints signed by a real Vault's transit engine: verified as any other, one version pinned, faults told apart."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.e2e.processes import Daemon, run_cli, scan_world, until
from tests.services.vault import Vault
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.adapters.vault.settings import VaultAuth, VaultSettings
from versiqiid.adapters.vault.transit import Transit, TransitKey
from versiqiid.core.note import parse_note, parse_vkey, verify_checkpoint
from versiqiid.engine.audit import verify_journal
from versiqiid.errors import Forbidden, InvalidInput, InvalidSetting, Unavailable
from versiqiid.settings import Settings
from versiqiid.signers import known_keys, open_signer
from versiqiid.testing.journal_tools import SteppingClock, draft

pytestmark = [pytest.mark.anyio, pytest.mark.vault]


def make_key(vault: Vault, **more: Any) -> str:
    """A new key in an engine of its own; its address without the scheme."""
    mount = f"transit-{secrets.token_hex(4)}"
    vault.demand("POST", f"/v1/sys/mounts/{mount}", {"type": "transit"})
    vault.demand("POST", f"/v1/{mount}/keys/log", {"type": "ed25519", **more})
    return f"{mount}/log"


def rotate(vault: Vault, key: str) -> None:
    mount, _, name = key.rpartition("/")
    vault.demand("POST", f"/v1/{mount}/keys/{name}/rotate", {})


@pytest.fixture
def key(shared_vault: Vault) -> str:
    return make_key(shared_vault)


@pytest.fixture
def settings(shared_vault: Vault, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    monkeypatch.setenv("VAULT_TOKEN", shared_vault.token)

    def make(signer: str = f"vault-transit:{key}", **more: Any) -> Settings:
        return Settings(data_dir=tmp_path, vault=shared_vault.url, signer=signer, **more)

    return make


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqlJournal]:
    async with await SqliteJournal.open(tmp_path / "journal.db", clock=SteppingClock(), origin="a.log") as journal:
        yield journal


async def test_a_checkpoint_is_pure_ed25519_over_the_raw_note(
    settings: Callable[..., Settings], journal: SqlJournal
) -> None:
    """Verified with nothing of ours: the text of the note, and the bytes behind the four of the key id."""
    async with open_signer(settings(), journal) as signer:
        await journal.append([draft(1)])
        note = await journal.sign_checkpoint(signer)
        vkey = signer.vkey
    text, _, line = note.decode().rpartition("\n\n")
    public = base64.b64decode(vkey.split("+", 2)[2])[1:]
    Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(line.split()[2])[4:], f"{text}\n".encode())
    assert verify_checkpoint(note, [parse_vkey(vkey)], "").size == 1
    assert (await verify_journal(journal, await known_keys(settings(), journal), key_given=True)).signed_size == 1


async def test_a_new_version_in_vault_changes_nothing_until_it_is_named(
    settings: Callable[..., Settings], journal: SqlJournal, shared_vault: Vault, key: str, tmp_path: Path
) -> None:
    async with open_signer(settings(), journal) as signer:
        first = signer.vkey
        await journal.append([draft(1)])
        await journal.sign_checkpoint(signer)
    rotate(shared_vault, key)
    async with open_signer(settings(), journal) as signer:
        assert signer.vkey == first
        await journal.append([draft(2)])
        await journal.sign_checkpoint(signer)
    async with open_signer(settings(f"vault-transit:{key}@2"), journal) as signer:
        second = signer.vkey
        assert second != first
        await journal.append([draft(3)])
        await journal.sign_checkpoint(signer)
    assert (tmp_path / "log.vkey").read_text() == f"{first}\n{second}\n"
    keys = await known_keys(settings(), journal)
    assert (await verify_journal(journal, keys, key_given=True)).signed_size == 3
    used = [parse_note(note, "").signatures[0].key_id for note in await journal.checkpoints()]
    assert used == [keys[0].key_id, keys[0].key_id, keys[1].key_id]
    async with open_signer(settings(), journal) as signer:
        assert signer.vkey == second
    done = run_cli("audit", "verify", "--data-dir", str(tmp_path), "--vkey", str(tmp_path / "log.vkey"))
    assert done.returncode == 0, done.stdout + done.stderr


async def test_a_journal_with_entries_and_nothing_pinned_needs_its_version_named(
    settings: Callable[..., Settings], journal: SqlJournal, key: str
) -> None:
    await journal.append([draft(1)])
    with pytest.raises(InvalidInput, match="1 entries") as caught:
        async with open_signer(settings(), journal):
            pass
    assert f"{key}@<version>" in caught.value.hint
    async with open_signer(settings(f"vault-transit:{key}@1"), journal) as signer:
        await journal.sign_checkpoint(signer)
    async with open_signer(settings(), journal):
        pass


async def test_a_tool_that_looks_pins_nothing(
    settings: Callable[..., Settings], journal: SqlJournal, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput):
        async with open_signer(settings(), journal, making=False):
            pass
    with pytest.raises(InvalidInput, match="not there"):
        await known_keys(settings(), journal)
    assert not (tmp_path / "log.vkey").exists()


async def test_another_key_under_the_same_name_is_refused(
    settings: Callable[..., Settings], journal: SqlJournal, shared_vault: Vault
) -> None:
    async with open_signer(settings(), journal):
        pass
    with pytest.raises(InvalidInput, match="no version of"):
        async with open_signer(settings(f"vault-transit:{make_key(shared_vault)}"), journal):
            pass


@pytest.mark.parametrize("more", [{"type": "ecdsa-p256"}, {"derived": True}, {"type": "aes256-gcm96"}])
async def test_what_is_no_plain_ed25519_key_is_refused(
    settings: Callable[..., Settings], journal: SqlJournal, shared_vault: Vault, more: dict[str, Any]
) -> None:
    with pytest.raises(InvalidSetting, match="expected ed25519"):
        async with open_signer(settings(f"vault-transit:{make_key(shared_vault, **more)}"), journal):
            pass


async def test_a_key_or_version_that_is_not_there_is_named(
    settings: Callable[..., Settings], journal: SqlJournal, key: str
) -> None:
    for wrong in (f"{key}x", f"{key}@7"):
        with pytest.raises(InvalidSetting, match="setting 'signer': Vault has no"):
            async with open_signer(settings(f"vault-transit:{wrong}"), journal):
                pass


@pytest.mark.parametrize(
    "text", ["", "vault", "vault-transit:", "vault-transit:key", "vault-transit:m/k@0", "vault-transit:m/k@x"]
)
def test_what_is_no_signer_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="signer"):
        TransitKey.parse(text)


# ---------------------------------------------------------------------------------------------------------- faults


def login_of(vault: Vault, key: str, *, ttl: str = "20m") -> VaultSettings:
    """An AppRole that may read and use the key, and nothing else."""
    mount, _, name = key.rpartition("/")
    auth = f"approle-{secrets.token_hex(4)}"
    policy = (
        f'path "{mount}/keys/{name}" {{ capabilities = ["read"] }}\n'
        f'path "{mount}/sign/{name}" {{ capabilities = ["update"] }}'
    )
    vault.demand("PUT", f"/v1/sys/policies/acl/{auth}", {"policy": policy})
    vault.demand("POST", f"/v1/sys/auth/{auth}", {"type": "approle"})
    vault.demand("POST", f"/v1/auth/{auth}/role/log", {"token_policies": auth, "token_ttl": ttl, "token_max_ttl": ttl})
    role = vault.demand("GET", f"/v1/auth/{auth}/role/log/role-id").json()["data"]["role_id"]
    secret = vault.demand("POST", f"/v1/auth/{auth}/role/log/secret-id", {}).json()["data"]["secret_id"]
    return VaultSettings(address=vault.url, auth=VaultAuth.APPROLE, auth_mount=auth, role=role, secret_id=secret)


async def test_a_token_that_has_ended_is_replaced_by_a_new_login(shared_vault: Vault, key: str) -> None:
    transit = Transit(login_of(shared_vault, key), TransitKey.parse(f"vault-transit:{key}"))
    await transit.versions()
    first = transit._client
    assert first is not None
    shared_vault.demand("POST", "/v1/auth/token/revoke", {"token": first.token})
    assert len(await transit.sign(b"text", 1)) == 64
    assert transit._client is not None
    assert transit._client.token != first.token
    token = transit._client.token
    await transit.aclose()
    assert shared_vault.call("POST", "/v1/auth/token/lookup", {"token": token}).status == 403


async def test_a_right_that_is_missing_does_not_flood_vault_with_logins(shared_vault: Vault, key: str) -> None:
    settings = login_of(shared_vault, make_key(shared_vault))  # may use another key
    transit = Transit(settings, TransitKey.parse(f"vault-transit:{key}"))
    logins = 0
    log_in = transit._login

    def counted() -> Any:
        nonlocal logins
        logins += 1
        return log_in()

    transit._login = counted  # type: ignore[assignment]
    for _ in range(5):
        with pytest.raises(Forbidden):
            await transit.versions()
    assert logins == 1
    await transit.aclose()


async def test_with_vault_away_entries_go_on_and_the_checkpoint_lags(
    vault: Vault, journal: SqlJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", vault.token)
    key = make_key(vault)
    settings = Settings(data_dir=tmp_path, vault=vault.url, signer=f"vault-transit:{key}")
    async with open_signer(settings, journal) as signer:
        await journal.append([draft(1)])
        before = await journal.sign_checkpoint(signer)
        vault.kill()
        await journal.append([draft(2)])
        with pytest.raises(Unavailable):
            await journal.sign_checkpoint(signer)
        assert await journal.checkpoint() == before
    async with open_signer(settings, journal) as signer:  # it starts without Vault: its key is pinned
        with pytest.raises(Unavailable):
            await signer.sign(b"text")
    (tmp_path / "log.vkey").unlink()
    with pytest.raises(Unavailable):
        async with open_signer(settings, journal):
            pass


async def test_a_signature_that_does_not_verify_is_never_released(
    settings: Callable[..., Settings], journal: SqlJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_signer(settings(), journal) as signer:
        await journal.append([draft(1)])
        real = Transit.sign

        async def other(self: Transit, message: bytes, version: int) -> bytes:
            return await real(self, message + b"x", version)

        monkeypatch.setattr(Transit, "sign", other)
        with pytest.raises(Unavailable, match="no signature of the pinned"):
            await journal.sign_checkpoint(signer)
        assert await journal.checkpoint() is None


# ------------------------------------------------------------------------------------------------------ the daemon


def test_a_daemon_signs_with_vault_and_its_journal_verifies(shared_vault: Vault, key: str, tmp_path: Path) -> None:
    flags = ("--vault", shared_vault.url, "--signer", f"vault-transit:{key}", "--checkpoint-interval-s", "0.1")
    daemon = Daemon(tmp_path / "d", flags, {"VAULT_TOKEN": shared_vault.token}).start()
    try:
        daemon.load(scan_world())
        daemon.until_status("prod/asia/av/default", targetVersion="1.4.0")
        for _ in until("a checkpoint is signed"):
            with daemon.client() as client:
                if client.get("/v1/checkpoint").status_code == 200:
                    break
        (login,) = daemon.entries(type="LoggedIn")
        assert login["data"]["method"] == "vault/auth/token"
        assert shared_vault.token not in str(daemon.entries()) + daemon.text()
        assert daemon.stop() == 0
    finally:
        daemon.close()
    assert not (daemon.data_dir / "log.key").exists()
    where = ("--data-dir", str(daemon.data_dir))
    asked = {"VERSIQII_SIGNER": f"vault-transit:{key}", "VERSIQII_VAULT": shared_vault.url}
    assert run_cli("audit", "verify", *where, "--vkey", str(daemon.data_dir / "log.vkey")).returncode == 0
    assert run_cli("audit", "verify", *where, **asked).returncode == 0  # Vault is not asked
    done = run_cli("audit", "export", str(tmp_path / "export"), *where, VAULT_TOKEN=shared_vault.token, **asked)
    assert done.returncode == 0, done.stderr
    assert run_cli("audit", "verify", str(tmp_path / "export")).returncode == 0
