"""Programs by others read our logs and receipts, and refuse what we refuse.

``go``: golang.org/x/mod ``sumdb/note`` and ``sumdb/tlog`` (tests/services/tlogcheck holds a directory to them).
``fsck``: Tessera's, as it is published. ``aics``: the Python verifier aics-tlog. None of them knows of this project.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.engine.forger import ORIGIN, SIGNER, SIZE, edit, entries_of, flip, forge, put, sign
from tests.services.tools import AICS_WITNESS, TESSERA_FSCK, TLOGCHECK
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core import note, tiles
from versiqiid.core.proof import verify_receipt
from versiqiid.core.tiles import Place
from versiqiid.engine.audit import prove
from versiqiid.engine.audit_directory import prove_from_directory, verify_directory
from versiqiid.engine.audit_export import export
from versiqiid.errors import JournalRefused
from versiqiid.ports import Actor, Query
from versiqiid.testing.journal_tools import LocalSigner, SteppingClock, draft

pytestmark = pytest.mark.anyio

Program = Callable[..., Path]
_PATIENCE_S = 120
_FSCK_WORKERS = 64
"""At least the number of tiles: with fewer it hangs at the first bad one."""


@pytest.fixture(scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[Path]:  # noqa: ARG001
    """A folder with an exported log of 600 entries, its key, and a checkpoint over its first 100."""
    folder = tmp_path_factory.mktemp("foreign")
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), origin=ORIGIN) as journal:
        await journal.append([draft(number) for number in range(100)])
        (folder / "early").write_bytes(await journal.sign_checkpoint(SIGNER))
        await journal.append([draft(number) for number in range(100, SIZE)])
        await export(journal, SIGNER, folder / "log", actor=Actor("user", "ada", "cli"), correlation_id="c")
        (folder / "vkey").write_text(f"{SIGNER.vkey}\n")
        yield folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)


def ours(_: Program, folder: Path, *against: Path) -> bool:
    try:
        verify_directory(folder / "log", [SIGNER.key], against=[path.read_bytes() for path in against])
    except JournalRefused:
        return False
    return True


def go(program: Program, folder: Path, *against: Path) -> bool:
    done = run(program(TLOGCHECK), "log", folder / "log", folder / "vkey", *against)
    assert done.returncode == 0 or done.stderr.startswith("refused: "), done.stderr
    return done.returncode == 0


def fsck(program: Program, folder: Path) -> bool:
    """It ends with status 0 on a bad log and panics on a bundle with too few entries: only its words count."""
    url = f"{(folder / 'log').as_uri()}/"
    flags = (f"-storage_url={url}", f"-public_key={folder / 'vkey'}", "-ui=false", f"-N={_FSCK_WORKERS}")
    done = run(program(TESSERA_FSCK), *flags)
    good, bad = "Successfully fsck'd" in done.stderr, any(word in done.stderr for word in ("failed", "panic"))
    assert good != bad, done.stderr
    return good


ALONE = (ours, go, fsck)
WITH_EARLIER = (ours, go)


@pytest.mark.parametrize("verifier", ALONE)
def test_an_honest_log_is_verified_by_all(program: Program, made: Path, verifier: Callable[..., bool]) -> None:
    assert verifier(program, made)
    if verifier in WITH_EARLIER:
        assert verifier(program, made, made / "early")


def swap_in_bundle(log: Path) -> None:
    entries = list(entries_of(log))
    entries[300], entries[301] = entries[301], entries[300]
    put(log, Place(None, 1, 256), tiles.encode_bundle(entries[256:512]))


def swap_with_hashes(log: Path) -> None:
    """The whole log made anew in another order; only the signature is the old one."""
    rewrite(log, lambda entries: [*entries[:7], entries[8], entries[7], *entries[9:]])


def rewrite(log: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    signed = (log / "checkpoint").read_bytes()
    forge(log, change(entries_of(log)))
    (log / "checkpoint").write_bytes(signed)


def other_key(log: Path) -> None:
    root = note.peek_checkpoint((log / "checkpoint").read_bytes(), "checkpoint").root
    sign(log, note.Checkpoint(ORIGIN, SIZE, root), LocalSigner(ORIGIN, bytes(32)))


CHANGES: dict[str, Callable[[Path], object]] = {
    "an entry": lambda log: edit(log / "tile/entries/001", b'"ada"', b'"eve"'),
    "the newest entry": lambda log: edit(log / "tile/entries/002.p/88", b'"number":599', b'"number":999'),
    "an entry's length": lambda log: flip(log / "tile/entries/000", 1),
    "an entry with its tile and the root": lambda log: rewrite(log, lambda e: [e[0][:-1] + b" }", *e[1:]]),
    "a leaf tile": lambda log: flip(log / "tile/0/001", 33),
    "the partial leaf tile": lambda log: flip(log / "tile/0/002.p/88", 33),
    "the inner tile": lambda log: flip(log / "tile/1/000.p/2", 33),
    "a tile is gone": lambda log: (log / "tile/0/001").unlink(),
    "a bundle is gone": lambda log: (log / "tile/entries/001").unlink(),
    "the size": lambda log: edit(log / "checkpoint", f"\n{SIZE}\n".encode(), f"\n{SIZE - 1}\n".encode()),
    "the size, signed": lambda log: sign(log, note.Checkpoint(ORIGIN, SIZE + 1, bytes(32))),
    "the root": lambda log: flip(log / "checkpoint", len(ORIGIN) + 10),
    "the root, signed": lambda log: sign(log, note.Checkpoint(ORIGIN, SIZE, bytes(32))),
    "the root of nothing, signed": lambda log: sign(log, note.Checkpoint(ORIGIN, 0, bytes(32))),
    "the signature": lambda log: flip(log / "checkpoint", -10),
    "no signature": lambda log: (log / "checkpoint").write_bytes(
        (log / "checkpoint").read_bytes().partition(b"\n\n")[0] + b"\n\n"
    ),
    "another key's signature": other_key,
    "another log's name": lambda log: edit(log / "checkpoint", b"audit.test", b"other.test"),
    "another log's name, signed": lambda log: sign(log, note.Checkpoint("a.b", SIZE, bytes(32))),
    "the order in a bundle": swap_in_bundle,
    "the order everywhere": swap_with_hashes,
    "the end cut off": lambda log: rewrite(log, lambda entries: entries[:599]),
    "the beginning cut off": lambda log: rewrite(log, lambda entries: entries[1:]),
    "a fork: another history of the same length": lambda log: rewrite(log, lambda e: [*e[:500], e[10], *e[501:]]),
}


@pytest.mark.parametrize("verifier", ALONE)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_refused_by_ours_and_by_theirs(
    program: Program, folder: Path, verifier: Callable[..., bool], change: str
) -> None:
    CHANGES[change](folder / "log")
    assert not verifier(program, folder)


def truncate(folder: Path) -> Path:
    """An older state, honest and signed; the checkpoint kept elsewhere says that there was more."""
    kept = shutil.copy(folder / "log/checkpoint", folder / "kept")
    forge(folder / "log", entries_of(folder / "log")[:300])
    return Path(kept)


def fork(folder: Path) -> Path:
    """A thief of the key changes an entry and signs all of it anew; the checkpoint kept elsewhere covers the entry."""
    entries = entries_of(folder / "log")
    entries[50] = entries[50].replace(b'"ada"', b'"eve"')
    forge(folder / "log", entries)
    return folder / "early"


@pytest.mark.parametrize("verifier", WITH_EARLIER)
@pytest.mark.parametrize("change", [truncate, fork])
def test_what_the_key_has_signed_is_refused_only_against_a_checkpoint_from_elsewhere(
    program: Program, folder: Path, verifier: Callable[..., bool], change: Callable[[Path], Path]
) -> None:
    kept = change(folder)
    assert all(alone(program, folder) for alone in ALONE), "well signed: nothing inside the log tells"
    assert not verifier(program, folder, kept)


# ----------------------------------------------------------------------------------------------------------- receipts


def ours_takes(_: Program, receipt: Path, entry: Path, __: Path) -> bool:
    try:
        verify_receipt(receipt.read_bytes(), entry.read_bytes(), [SIGNER.key])
    except JournalRefused:
        return False
    return True


def go_takes(program: Program, receipt: Path, entry: Path, vkey: Path) -> bool:
    return run(program(TLOGCHECK), "receipt", receipt, entry, vkey).returncode == 0


def aics_takes(program: Program, receipt: Path, entry: Path, vkey: Path) -> bool:
    """It takes the note alone, then leaf and path."""
    head, _, signed = receipt.read_text().partition("\n\n")
    _, index, *hashes = head.split("\n")
    proof, checkpoint = receipt.with_suffix(".proof"), receipt.with_suffix(".note")
    proof.write_text("".join(f"{line}\n" for line in hashes))
    checkpoint.write_text(signed)
    aics = (program(AICS_WITNESS), "aics_tlog")
    place = ("--index", index.removeprefix("index "), "--proof", proof, "--checkpoint", checkpoint)
    told = [
        run(*aics, "verify-checkpoint", "--note", checkpoint, "--vkey-file", vkey, "--origin", ORIGIN),
        run(*aics, "verify-inclusion", "--leaf", entry, *place),
    ]
    assert all(one.stdout.startswith("{") for one in told), told
    return not any(one.returncode for one in told)


TAKERS = (ours_takes, go_takes, aics_takes)


@pytest.mark.parametrize("takes", TAKERS)
async def test_a_receipt_is_taken_by_all_and_every_change_of_it_refused(
    program: Program, folder: Path, takes: Callable[..., bool]
) -> None:
    receipt, entry, vkey = folder / "receipt", folder / "entry", folder / "vkey"
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), create=False) as journal:
        (stored,) = await journal.read(Query(start=300, limit=1))
        from_journal = await prove(journal, 300)
    for good in (from_journal, prove_from_directory(folder / "log", 300)):
        receipt.write_bytes(good)
        entry.write_bytes(stored.entry)
        assert takes(program, receipt, entry, vkey)
    lines = good.split(b"\n")
    changed = {
        "entry": (good, stored.entry + b" "),
        "position": (good.replace(b"index 300", b"index 301"), stored.entry),
        "hash": (good.replace(lines[3], lines[4], 1), stored.entry),
        "hash gone": (good.replace(lines[3] + b"\n", b"", 1), stored.entry),
        "size": (good.replace(f"\n{SIZE}\n".encode(), b"\n601\n"), stored.entry),
        "signature": (good[:-12] + (b"A" if good[-12:-11] != b"A" else b"B") + good[-11:], stored.entry),
    }
    for what, (data, leaf) in changed.items():
        receipt.write_bytes(data)
        entry.write_bytes(leaf)
        assert (data, leaf) != (good, stored.entry)
        assert not takes(program, receipt, entry, vkey), what


def test_the_tree_is_the_same_as_theirs_at_every_size(program: Program, tmp_path: Path) -> None:
    """Go's tree hash of each size up to three levels of partial tiles is ours: a log of that size verifies there."""
    entries = [b"%d" % number for number in range(700)]
    for size in (1, 2, 255, 256, 257, 511, 512, 513, 700):
        folder = tmp_path / str(size)
        (folder / "log/tile").mkdir(parents=True)
        (folder / "vkey").write_text(SIGNER.vkey)
        forge(folder / "log", entries[:size])
        assert go(program, folder), size
