"""The journal from the command line: verified, proved, exported; every change refused by class and place."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.processes import Daemon, run_cli, scan_world


@pytest.fixture(scope="module")
def journal(shared: Daemon) -> Path:
    """The data folder of a daemon that has stopped."""
    shared.load(scan_world())
    shared.until_status("prod/asia/av/default", state="InSync")
    assert shared.stop() == 0
    return shared.data_dir


@pytest.fixture
def copy(journal: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(journal, tmp_path / "data"))


def test_verified_proved_and_exported(copy: Path, tmp_path: Path) -> None:
    """All without a daemon; a receipt holds offline, with the key from elsewhere."""
    place = ["--data-dir", str(copy)]
    done = run_cli("audit", "verify", *place)
    assert (done.returncode, "proved about who signed it" in done.stdout) == (0, True), done.stderr
    export, entry, receipt = tmp_path / "export", tmp_path / "entry", tmp_path / "receipt"
    assert run_cli("audit", "export", str(export), *place).returncode == 0
    assert run_cli("audit", "export", str(export), *place).returncode == 0
    vkey = ["--vkey", str(export / "log.vkey")]
    assert run_cli("audit", "verify", str(export), *vkey).returncode == 0
    done = run_cli("audit", "prove", "1", *place, "--entry", str(entry))
    receipt.write_text(done.stdout)
    words = ["audit", "verify", "--receipt", str(receipt), "--entry", str(entry), *vkey]
    assert run_cli(*words).returncode == 0
    entry.write_bytes(entry.read_bytes().replace(b"a", b"b", 1))
    done = run_cli(*words)
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1].startswith("refused: ")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entries SET entry = CAST(replace(CAST(entry AS TEXT), 'e', 'f') AS BLOB) WHERE position = 2",
        "DELETE FROM entries WHERE position = (SELECT max(position) FROM entries)",
        "DELETE FROM entries WHERE position = 3",
        "DELETE FROM entries",
    ],
)
def test_a_changed_file_is_refused(copy: Path, change: str) -> None:
    """With the triggers dropped, as the file's owner can: exit 3 and, last, the class and the place."""
    with closing(sqlite3.connect(copy / "journal.db")) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{name}"')
        assert db.execute(change).rowcount > 0
        db.commit()
    done = run_cli("audit", "verify", "--data-dir", str(copy))
    assert done.returncode == 3, done.stdout + done.stderr
    words = done.stdout.splitlines()[-1].split()
    assert words[0] == "refused:"
    assert "at" in words


def test_a_journal_that_is_not_there_is_never_made(tmp_path: Path) -> None:
    done = run_cli("audit", "verify", "--data-dir", str(tmp_path / "nothing"))
    assert done.returncode in (1, 3)
    assert not (tmp_path / "nothing").exists()
