"""A daemon archives its journal by itself; when all is lost but the key and the bucket, it goes on from the archive."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from pyrage import x25519

from tests.e2e.processes import Daemon, clean_environment, command, scan_world, until
from tests.services.vault import Vault
from tests.services.versitygw import Versitygw
from versiqiid.core.note import peek_checkpoint

pytestmark = pytest.mark.s3

BINDING, VERSION = "prod/asia/av/default", "envs/prod/asia/av/version"


def versiqiid(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*command("versiqiid"), "journal", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=clean_environment(**environment),
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def bucket(shared_versitygw: Versitygw) -> str:
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=shared_versitygw.url,
        region_name="us-east-1",
        aws_access_key_id=shared_versitygw.access_key,
        aws_secret_access_key=shared_versitygw.secret_key,
    )
    name = f"b{secrets.token_hex(6)}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    client.close()
    return name


def metric(daemon: Daemon, name: str) -> float:
    """The value of a metric without labels, 0 before it is first told."""
    with daemon.client() as client:
        lines = client.get("/metrics").text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name} ")), 0.0)


def test_a_daemon_goes_on_from_its_archive_alone(
    start: Callable[..., Daemon], shared_versitygw: Versitygw, bucket: str, tmp_path: Path
) -> None:
    identity, aws = x25519.Identity.generate(), shared_versitygw.credentials
    (tmp_path / "identity").write_text(f"{identity}\n")
    place = ("--archive", f"s3://{bucket}/journal")
    sealed = ("--archive-recipient", str(identity.to_public()))
    lock = ("--archive-lock", "compliance", "--archive-retain-days", "1")
    daemon = start(*place, *sealed, *lock, "--archive-interval-s", "0.2", "--checkpoint-interval-s", "0.1", **aws)
    daemon.load(scan_world())
    daemon.until_status(BINDING, targetVersion="1.4.0")
    daemon.load({VERSION: b"2.0.0"}, **{"X-Correlation-Id": "release"})
    daemon.until_status(BINDING, targetVersion="2.0.0")
    wanted = max(entry["position"] for entry in daemon.entries(correlation_id="release"))
    for _ in until("the archive holds the release"):
        if metric(daemon, "versiqii_archive_entries") > wanted:
            break
    daemon.kill()
    kept = tmp_path / "kept"
    kept.mkdir(mode=0o700)
    shutil.copy(daemon.data_dir / "log.key", kept / "log.key")  # from its backup
    for file in daemon.data_dir.glob("store.db*"):  # the keys were elsewhere, in Consul say
        shutil.copy(file, kept / file.name)
    shutil.rmtree(daemon.data_dir)

    done = versiqiid("restore", *place, "--data-dir", str(kept), "--identity", str(tmp_path / "identity"), **aws)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.splitlines()[-1].startswith("restored ")
    assert "nothing is proved about who signed it" in done.stdout
    assert versiqiid("rebuild", "--data-dir", str(kept)).returncode == 0
    assert daemon.cli("audit", "verify", "--data-dir", str(kept)).returncode == 0

    shutil.move(kept, daemon.data_dir)
    again = start(folder=daemon.folder)
    assert again.until_status(BINDING, targetVersion="2.0.0")["correlationId"] == "release"
    history = again.cli("configs", "show", "configs/av/1.0.0/default", "--at", "release")
    assert (history.returncode, history.stdout.strip()) == (0, '{"depth": 3}'), history.stderr
    again.load({VERSION: b"1.4.0"})
    again.until_status(BINDING, targetVersion="1.4.0")


def test_a_daemon_runs_without_its_archive_and_says_so(start: Callable[..., Daemon]) -> None:
    gone = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    daemon = start("--archive", "s3://bucket", "--archive-interval-s", "0.1", AWS_DEFAULT_REGION="us-east-1", **gone)
    daemon.load(scan_world())
    daemon.until_status(BINDING, targetVersion="1.4.0")
    assert daemon.until_noted("archive: ").status_code == 200
    assert daemon.stop() == 0


def test_the_commands_archive_once_and_refuse_what_cannot_be(
    start: Callable[..., Daemon], shared_versitygw: Versitygw, bucket: str, tmp_path: Path
) -> None:
    aws, place = shared_versitygw.credentials, ("--archive", f"s3://{bucket}")
    daemon = start()
    daemon.load(scan_world())
    daemon.until_status(BINDING, targetVersion="1.4.0")
    daemon.stop()
    where = ("--data-dir", str(daemon.data_dir))
    done = versiqiid("archive", *place, *where, **aws)
    assert done.returncode == 0, done.stderr
    assert "documents are not archived" in done.stderr
    size = int(done.stdout.split()[1])
    note = daemon.cli("audit", "checkpoint", *where).stdout.encode()
    assert peek_checkpoint(note, "").size == size
    assert "(0 new)" in versiqiid("archive", *place, *where, **aws).stdout
    assert versiqiid("archive", *where, **aws).returncode == 64
    assert versiqiid("archive", "--archive", "s3://not-there", *where, **aws).returncode == 6

    new = ("--data-dir", str(tmp_path / "new"))
    assert versiqiid("restore", *place, *new, **aws).returncode == 64
    (tmp_path / "wrong.vkey").write_text(note.decode().splitlines()[0])
    assert (
        versiqiid(
            "restore", *place, *new, "--without-documents", "--vkey", str(tmp_path / "wrong.vkey"), **aws
        ).returncode
        == 3
    )
    assert not (tmp_path / "new" / "journal.db").exists()
    vkey = tmp_path / "log.vkey"
    vkey.write_text((Path(shared_versitygw.folder) / "objects" / bucket / "log.vkey").read_text())
    done = versiqiid("restore", *place, *new, "--without-documents", "--vkey", str(vkey), **aws)
    assert done.returncode == 0, done.stderr
    assert "nothing is proved" not in done.stdout
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["journal.db"]
    done = versiqiid("restore", *place, *new, "--without-documents", **aws)
    assert done.returncode == 5
    assert "it is there already" in done.stderr


def test_history_is_let_go_of_once_the_archive_has_it(
    start: Callable[..., Daemon], shared_versitygw: Versitygw, bucket: str, tmp_path: Path
) -> None:
    """The journal verifies as before, the daemon goes on, and a restored journal has the history again."""
    identity, aws = x25519.Identity.generate(), shared_versitygw.credentials
    (tmp_path / "identity").write_text(f"{identity}\n")
    place = ("--archive", f"s3://{bucket}/journal")
    sealed = ("--archive-recipient", str(identity.to_public()))
    daemon = start()
    daemon.load(scan_world())
    for depth in (4, 5, 6):
        daemon.load({"configs/av/1.0.0/default": b'{"depth": %d}' % depth}, **{"X-Correlation-Id": f"depth-{depth}"})
    daemon.until_status(BINDING, correlationId="depth-6")
    assert daemon.stop() == 0
    where = ("--data-dir", str(daemon.data_dir))
    assert versiqiid("retire", *place, *where, **aws).returncode == 64, "no recipient: no document is archived"
    done = versiqiid("retire", *place, *sealed, *where, **aws)
    assert (done.returncode, done.stdout) == (0, f"0 documents are in s3://{bucket}/journal alone\n"), done.stderr
    done = versiqiid("retire", *place, *sealed, *where, "--days", "0", **aws)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) >= 2, "depth 4 and 5"
    assert daemon.cli("audit", "verify", *where).returncode == 0
    assert versiqiid("rebuild", *where).returncode == 0

    new = ("--data-dir", str(tmp_path / "new"))
    done = versiqiid("restore", *place, *new, "--identity", str(tmp_path / "identity"), **aws)
    assert done.returncode == 0, done.stderr
    daemon.start()
    daemon.until_status(BINDING, state="InSync")
    (retired,) = daemon.entries(type="DocumentsRetired")
    assert retired["data"]["archive"] == f"s3://{bucket}/journal"
    gone = daemon.cli("configs", "show", "configs/av/1.0.0/default", "--at", "depth-4")
    assert gone.returncode == 6
    assert f"`versiqiid journal restore` from s3://{bucket}/journal" in gone.stderr, gone.stderr
    now = daemon.cli("configs", "show", "configs/av/1.0.0/default", "--at", "depth-6")
    assert (now.returncode, now.stdout.strip()) == (0, '{"depth": 6}'), now.stderr
    assert daemon.stop() == 0
    shutil.copy(tmp_path / "new" / "journal.db", daemon.data_dir / "journal.db")
    daemon.start()
    again = daemon.cli("configs", "show", "configs/av/1.0.0/default", "--at", "depth-4")
    assert (again.returncode, again.stdout.strip()) == (0, '{"depth": 4}'), again.stderr


def test_the_leader_lets_history_go_by_itself(
    start: Callable[..., Daemon], shared_versitygw: Versitygw, bucket: str
) -> None:
    """Once it is older than the setting; what is read now stays, the log verifies, and all of it is told."""
    identity, aws = x25519.Identity.generate(), shared_versitygw.credentials
    sealed = ("--archive", f"s3://{bucket}/journal", "--archive-recipient", str(identity.to_public()))
    often = ("--archive-interval-s", "0.2", "--checkpoint-interval-s", "0.1")
    daemon = start(*sealed, *often, "--retention-days", "0", **aws)
    daemon.load(scan_world())
    for depth in (4, 5, 6):
        daemon.load({"configs/av/1.0.0/default": b'{"depth": %d}' % depth}, **{"X-Correlation-Id": f"depth-{depth}"})
    daemon.until_status(BINDING, correlationId="depth-6")
    last = max(entry["position"] for entry in daemon.entries(correlation_id="depth-6"))
    for _ in until("the archive has it"):
        if metric(daemon, "versiqii_archive_entries") > last:
            break
    assert daemon.entries(type="DocumentsRetired") == [], "0 = for ever"
    assert daemon.stop() == 0
    daemon = start(*sealed, *often, "--retention-days", "0.000001", folder=daemon.folder, **aws)
    for _ in until("documents are let go of"):
        if metric(daemon, "versiqii_documents_retired_total") >= 2:
            break
    assert metric(daemon, "versiqii_retention_timestamp_seconds") > 0
    gone = daemon.cli("configs", "show", "configs/av/1.0.0/default", "--at", "depth-4")
    assert gone.returncode == 6
    assert "`versiqiid journal restore` from s3://" in gone.stderr
    now = daemon.cli("configs", "show", "configs/av/1.0.0/default", "--at", "depth-6")
    assert (now.returncode, now.stdout.strip()) == (0, '{"depth": 6}'), now.stderr
    assert daemon.entries(type="DocumentsRetired")
    assert daemon.event("documents_retired")["count"] >= 2
    assert daemon.stop() == 0
    where = ("--data-dir", str(daemon.data_dir))
    assert daemon.cli("audit", "verify", *where).returncode == 0
    assert versiqiid("rebuild", *where).returncode == 0


@pytest.mark.vault
def test_a_daemon_seals_with_vault_and_shows_no_secret(
    start: Callable[..., Daemon], shared_versitygw: Versitygw, shared_vault: Vault, bucket: str, tmp_path: Path
) -> None:
    """Archived with data keys of Vault, restored with the right to ask it alone; no token is ever printed."""
    mount = f"transit-{secrets.token_hex(4)}"
    shared_vault.demand("POST", f"/v1/sys/mounts/{mount}", {"type": "transit"})
    shared_vault.demand("POST", f"/v1/{mount}/keys/documents", {})
    place = ("--archive", f"s3://{bucket}/journal", "--archive-recipient", f"vault-transit:{mount}/documents")
    given = {**shared_versitygw.credentials, "VAULT_TOKEN": shared_vault.token, "VERSIQII_VAULT": shared_vault.url}
    daemon = start(
        *place, "--archive-interval-s", "0.2", "--checkpoint-interval-s", "0.1", "--log-level", "debug", **given
    )
    daemon.load(scan_world())
    wanted = max(entry["position"] for entry in daemon.entries())
    daemon.until_status(BINDING, targetVersion="1.4.0")
    for _ in until("the archive has it"):
        if metric(daemon, "versiqii_archive_entries") > wanted:
            break
    assert daemon.stop() == 0
    assert shared_vault.token not in daemon.text()
    new = ("--data-dir", str(tmp_path / "new"))
    assert versiqiid("restore", "--archive", f"s3://{bucket}/journal", *new, **given).returncode == 64
    done = versiqiid("restore", *place, *new, **{**given, "VAULT_TOKEN": "wrong"})
    assert done.returncode == 4, done.stderr
    assert not (tmp_path / "new" / "journal.db").exists()
    done = versiqiid("restore", *place, *new, **given)
    assert done.returncode == 0, done.stderr + done.stdout
    assert shared_vault.token not in done.stderr + done.stdout
    assert versiqiid("rebuild", *new).returncode == 0
