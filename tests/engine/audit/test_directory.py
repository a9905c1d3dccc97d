"""Every kind of tampering with an export is refused, by its class and place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.audit.audited import refusal
from tests.engine.forger import ORIGIN, SIGNER, SIZE, edit, entries_of, flip, forge, sign
from versiqiid.core import merkle, note, tiles
from versiqiid.core.tiles import Place
from versiqiid.engine.audit_directory import verify_directory
from versiqiid.errors import JournalRefused
from versiqiid.testing.journal_tools import LocalSigner

pytestmark = pytest.mark.anyio


def test_an_honest_export_verifies_and_says_what_was_not_checked(made: Path) -> None:
    found = verify_directory(made / "export", [SIGNER.key], against=[(made / "early").read_bytes()])
    assert (found.origin, found.size, found.signed_size, found.remarks()) == (ORIGIN, SIZE, SIZE, ())
    alone = verify_directory(made / "export")
    assert not alone.key_given
    assert any("nothing is proved about who signed" in remark for remark in alone.remarks())


def test_a_forger_without_change_forges_nothing(folder: Path) -> None:
    """The forger's tool makes the same log, so what it is refused for below is the change."""
    forge(folder / "export", entries_of(folder / "export"))
    assert verify_directory(folder / "export", against=[(folder / "early").read_bytes()]).size == SIZE


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (lambda d: edit(d / "tile/entries/001", b'"ada"', b'"eve"'), ("entry", "position 256")),
        (lambda d: flip(d / "tile/entries/001", 5), ("entry", "position 256")),
        (lambda d: edit(d / "tile/entries/001", b'"position":300', b'"position":301'), ("order", "position 300")),
        (lambda d: flip(d / "tile/0/001", 33), ("tile", "tile/0/001")),
        (lambda d: flip(d / "tile/0/002.p/88", 33), ("tile", "tile/0/002.p/88")),
        (lambda d: flip(d / "tile/1/000.p/2", 33), ("tile", "tile/1/000.p/2")),
        (lambda d: edit(d / "checkpoint", b"\n600\n", b"\n599\n"), ("signature", "checkpoint")),
        (lambda d: edit(d / "checkpoint", b"\n600\n", b"\n600\nextension\n"), ("signature", "checkpoint")),
        (lambda d: flip(d / "checkpoint", len(ORIGIN) + 10), ("signature", "checkpoint")),
        (lambda d: edit(d / "checkpoint", b"audit.test/log\n6", b"other.test/log\n6"), ("signature", "checkpoint")),
        (lambda d: (d / "checkpoint").write_bytes(b""), ("format", "checkpoint")),
        (lambda d: (d / "checkpoint").unlink(), ("missing", "checkpoint")),
        (lambda d: (d / "tile/entries/001").unlink(), ("missing", "tile/entries/001")),
        (lambda d: (d / "tile/0/001").unlink(), ("missing", "tile/0/001")),
        (lambda d: (d / "tile/1/000.p/2").unlink(), ("missing", "tile/1/000.p/2")),
        (lambda d: (d / "tile/entries/001").write_bytes(b""), ("size", "tile/entries/001")),
        (lambda d: (d / "tile/0/001").write_bytes(bytes(32)), ("size", "tile/0/001")),
        (lambda d: (d / "tile/0/001").write_bytes(bytes(33)), ("size", "tile/0/001")),
        (lambda d: (d / "tile/0/001").write_bytes(bytes(20_000_000)), ("size", "tile/0/001")),
        (lambda d: sign(d, note.Checkpoint(ORIGIN, SIZE, bytes(32))), ("root", "checkpoint")),
        (lambda d: sign(d, note.Checkpoint(ORIGIN, SIZE + 1, bytes(32))), ("missing", "tile/entries/002.p/89")),
        (lambda d: sign(d, note.Checkpoint(ORIGIN, 0, bytes(32))), ("root", "checkpoint")),
        (lambda d: sign(d, note.Checkpoint("a.b", SIZE, bytes(32))), ("origin", "checkpoint")),
        (
            lambda d: sign(d, note.Checkpoint(ORIGIN, SIZE, bytes(32)), LocalSigner(ORIGIN, bytes(32))),
            ("signature", "checkpoint"),
        ),
    ],
)  # fmt: skip
def test_a_change_of_the_directory_is_refused(
    folder: Path, tamper: Callable[[Path], object], expected: tuple[str, str]
) -> None:
    tamper(folder / "export")
    assert refusal(folder / "export") == expected


def test_an_entry_changed_together_with_its_tile_is_refused(folder: Path) -> None:
    directory = folder / "export"
    bundle = directory / "tile/entries/001"
    edit(bundle, b'"ada"', b'"eve"')
    changed = tiles.decode_bundle(bundle.read_bytes(), Place(None, 1, 256))
    (directory / "tile/0/001").write_bytes(b"".join(merkle.leaf_hash(entry) for entry in changed))
    assert refusal(directory) == ("entry", "tile/1/000.p/2")


def test_a_log_rewritten_up_to_the_root_is_refused_for_its_root(folder: Path) -> None:
    directory = folder / "export"
    signed = (directory / "checkpoint").read_bytes()
    entries = entries_of(directory)
    entries[5] = entries[5].replace(b'"ada"', b'"eve"')
    forge(directory, entries)
    (directory / "checkpoint").write_bytes(signed)
    assert refusal(directory) == ("root", "checkpoint")


def test_entries_in_another_order_are_refused_however_well_signed(folder: Path) -> None:
    entries = entries_of(folder / "export")
    entries[7], entries[8] = entries[8], entries[7]
    forge(folder / "export", entries)
    assert refusal(folder / "export") == ("order", "position 7")


def test_an_entry_taken_out_or_put_in_is_refused_however_well_signed(folder: Path) -> None:
    entries = entries_of(folder / "export")
    forge(folder / "export", entries[:7] + entries[8:])
    assert refusal(folder / "export") == ("order", "position 7")
    forge(folder / "export", [*entries[:7], entries[7].replace(b"}", b"} ", 1), *entries[7:]])
    assert refusal(folder / "export") == ("order", "position 8")


def test_time_that_goes_back_is_refused_however_well_signed(folder: Path) -> None:
    entries = entries_of(folder / "export")
    entries[7] = entries[7].replace(b'"time":"2025', b'"time":"2024')
    forge(folder / "export", entries)
    assert refusal(folder / "export") == ("order", "position 7")


def test_bytes_that_are_no_entry_are_refused_however_well_signed(folder: Path) -> None:
    entries = entries_of(folder / "export")
    for wrong in (b"", b"{}", b"[]", b"\xff", b'{"data":1}'):
        forge(folder / "export", [*entries[:7], wrong, *entries[8:]])
        assert refusal(folder / "export") == ("entry", "position 7")


def test_an_older_state_is_refused_only_with_a_checkpoint_from_elsewhere(folder: Path) -> None:
    directory = folder / "export"
    later = (directory / "checkpoint").read_bytes()
    forge(directory, entries_of(directory)[:300])
    assert verify_directory(directory, [SIGNER.key], against=[(folder / "early").read_bytes()]).size == 300
    assert refusal(directory, later) == ("truncation", "earlier checkpoint 1")


def test_a_fork_by_a_thief_of_the_key_is_refused_only_with_a_checkpoint_from_elsewhere(folder: Path) -> None:
    directory = folder / "export"
    early = (folder / "early").read_bytes()
    entries = entries_of(directory)
    entries[99] = entries[99].replace(b'"ada"', b'"eve"')
    forge(directory, entries)
    assert verify_directory(directory, [SIGNER.key]).size == SIZE
    assert refusal(directory, early) == ("fork", "earlier checkpoint 1")
    entries = [*entries_of(directory)[:300]]
    assert refusal(directory, early.replace(b"\n100\n", b"\n101\n")) == ("signature", "earlier checkpoint 1")


def test_an_empty_log_verifies_and_only_with_the_root_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "log.vkey").write_text(SIGNER.vkey)
    sign(tmp_path, note.Checkpoint(ORIGIN, 0, merkle.EMPTY_ROOT))
    assert verify_directory(tmp_path).size == 0
    sign(tmp_path, note.Checkpoint(ORIGIN, 0, merkle.leaf_hash(b"")))
    assert refusal(tmp_path) == ("root", "checkpoint")


def test_a_key_file_that_is_none_is_refused(folder: Path) -> None:
    (folder / "export/log.vkey").write_bytes(b"\xff\xfe")
    with pytest.raises(JournalRefused) as caught:
        verify_directory(folder / "export")
    assert (caught.value.fault, caught.value.place) == ("format", "log.vkey")
