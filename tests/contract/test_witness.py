"""Checkpoints cosigned by a real witness: what extends is cosigned and kept, what does not is refused by name."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from tests.services.witness import Witness as Server
from versiqiid.adapters.post import WitnessDoor
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core import ed25519, note
from versiqiid.core.cosignature import (
    WitnessKey,
    cosignatures,
    parse_size,
    parse_witness_key,
    request,
    require_all,
    with_cosignatures,
)
from versiqiid.core.proof import verify_receipt
from versiqiid.engine.audit import prove, verify_journal
from versiqiid.engine.audit_directory import verify_directory
from versiqiid.engine.audit_export import export
from versiqiid.engine.witnessing import Witness, WitnessLoop, cosign
from versiqiid.errors import InvalidInput, JournalRefused, Refused, Unavailable
from versiqiid.ports import Actor, Query
from versiqiid.testing.journal_tools import LocalSigner, SteppingClock, draft

pytestmark = pytest.mark.anyio

ORIGIN = "witnessed.test/log"
SIGNER = LocalSigner(ORIGIN)
OURS = WitnessKey("w.test/1", ed25519.public_key(bytes(32)))


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    async with await SqliteJournal.open(tmp_path / "journal.db", clock=SteppingClock(), origin=ORIGIN) as opened:
        yield opened


async def grow(journal: SqliteJournal, count: int, *, first: int | None = None) -> bytes:
    start = await journal.size() if first is None else first
    await journal.append([draft(number) for number in range(start, start + count)])
    return await journal.sign_checkpoint(SIGNER)


def met(server: Server) -> Witness:
    return Witness(WitnessDoor(server.url), parse_witness_key(server.vkey))


# ---------------------------------------------------------------------------------------------------- a real witness


async def test_what_a_witness_cosigns_is_kept_and_verified_by_all(
    journal: SqliteJournal, witness: Callable[[str], Server], tmp_path: Path
) -> None:
    """From its first sight over any growth; the journal, an export and a receipt carry it, and its verifier agrees."""
    server = witness(SIGNER.vkey)
    one = met(server)
    for count in (1, 300, 0, 7):
        signed = await grow(journal, count)
        made = await cosign(journal, one)
        assert made == await journal.checkpoint()
        assert note.peek_checkpoint(made, "") == note.peek_checkpoint(signed, "")
        assert server.check(made, SIGNER.vkey)
        assert await cosign(journal, one) == made, "asked again, nothing is asked"
    found = await verify_journal(journal, [SIGNER.key], key_given=True, witnesses=[one.key])
    assert (found.witnessed_size, [who.name for who in found.witnessed]) == (308, [server.name])
    assert found.held_off()[-1].startswith(
        "D: a thief of the signing key (308 entries cosigned by witness.test/w1 at 2"
    )
    receipt = await prove(journal, 300)
    (entry,) = await journal.read(Query(start=300, limit=1))
    assert verify_receipt(receipt, entry.entry, [SIGNER.key], [one.key])[0] == 300
    await export(journal, SIGNER, tmp_path / "log", actor=Actor("user", "ada", "cli"), correlation_id="c")
    assert verify_directory(tmp_path / "log", [SIGNER.key], witnesses=[one.key]).witnessed_size == 308
    await grow(journal, 5)
    later = await verify_journal(journal, [SIGNER.key], key_given=True, witnesses=[one.key])
    assert any("6 signed entries are newer than what was cosigned" in remark for remark in later.remarks())


async def test_who_is_not_the_witness_does_not_count(journal: SqliteJournal, witness: Callable[[str], Server]) -> None:
    one = met(witness(SIGNER.vkey))
    await grow(journal, 3)
    await cosign(journal, one)
    with pytest.raises(JournalRefused) as caught:
        await verify_journal(journal, [SIGNER.key], key_given=True, witnesses=[one.key, OURS])
    assert caught.value.fault == "witness"
    await grow(journal, 1)
    with pytest.raises(JournalRefused) as caught:
        await cosign(journal, Witness(one.door, OURS))
    assert (caught.value.fault, caught.value.place) == ("witness", one.door.place)


async def test_a_fork_and_an_older_state_are_refused_by_the_witness(
    journal: SqliteJournal, witness: Callable[[str], Server], tmp_path: Path
) -> None:
    """A thief of the key, or a restored backup, shows another history of the same log to the same witness."""
    one = met(witness(SIGNER.vkey))
    await grow(journal, 10)
    await cosign(journal, one)
    for count, first, fault in ((4, 0, "truncation"), (10, 1, "fork"), (12, 1, "fork")):
        path = tmp_path / f"{count}-{first}.db"
        async with await SqliteJournal.open(path, clock=SteppingClock(), origin=ORIGIN) as other:
            signed = await grow(other, count, first=first)
            with pytest.raises(JournalRefused) as caught:
                await cosign(other, one)
            assert (caught.value.fault, caught.value.place) == (fault, one.door.place)
            assert await other.checkpoint() == signed


async def test_a_witness_that_does_not_know_the_log_or_its_key_says_so(
    journal: SqliteJournal, witness: Callable[[str], Server]
) -> None:
    await grow(journal, 1)
    with pytest.raises(Refused, match="does not know this log") as caught:
        await cosign(journal, met(witness(LocalSigner("other.test/log").vkey)))
    assert "log.vkey" in caught.value.hint
    with pytest.raises(Refused, match="does not know the key"):
        await cosign(journal, met(witness(LocalSigner(ORIGIN, bytes(32)).vkey)))


async def test_nobody_there_is_unavailable(journal: SqliteJournal) -> None:
    await grow(journal, 1)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        await cosign(journal, Witness(WitnessDoor("http://127.0.0.1:1/prefix/"), OURS))


async def test_the_loop_follows_the_log_over_a_restart_of_the_witness(
    journal: SqliteJournal, witness: Callable[[str], Server]
) -> None:
    """Away, it costs nothing but being behind, and is told; back, it goes on from where it was."""
    server = witness(SIGNER.vkey)
    loop = WitnessLoop(journal, [met(server)], interval_s=0.01, metrics=PrometheusMetrics(version="0"))

    async def cosigned(size: int) -> None:
        with anyio.fail_after(60):
            while True:
                newest = await journal.checkpoint() or b""
                if newest and cosignatures(newest, [met(server).key], ""):
                    assert note.peek_checkpoint(newest, "").size == size
                    return
                await anyio.sleep(0.01)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(loop.run)
        await grow(journal, 3)
        await cosigned(3)
        await anyio.to_thread.run_sync(server.kill)
        await grow(journal, 2)
        with anyio.fail_after(60):
            while not loop.trouble:
                await anyio.sleep(0.01)
        assert loop.trouble.startswith(server.address)
        await anyio.to_thread.run_sync(server.start)
        await cosigned(5)
        tasks.cancel_scope.cancel()


# ----------------------------------------------------------------------------------------------------- what it writes


def test_the_example_of_the_specification_is_read() -> None:
    """The cosigned checkpoint in C2SP tlog-cosignature: its parts, and its key id from the name alone."""
    text = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+"
        "zyWE+xeMcTOAYQ8=\n— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3"
        "b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    )
    line = note.parse_note(text.encode(), "example").signatures[1]
    assert line.name == "witness.example.com/w1"
    assert int.from_bytes(line.signature[:8]) == 1679315147
    assert cosignatures(text.encode(), [OURS], "example") == ()


def test_the_body_is_that_of_the_specification() -> None:
    proof = [hashlib.sha256(b"%d" % number).digest() for number in range(2)]
    lines = [base64.b64encode(node).decode() for node in proof]
    assert request(7, proof, b"note\n") == f"old 7\n{lines[0]}\n{lines[1]}\n\nnote\n".encode()
    assert request(0, [], b"note\n") == b"old 0\n\nnote\n"


SIGNED = note.signed(note.Checkpoint(ORIGIN, 1, bytes(32)).text(), SIGNER.key, bytes(64))


def line(time: int = 5, seed: bytes = bytes(32), key: WitnessKey = OURS, text: bytes | None = None) -> bytes:
    body = SIGNED.partition(b"\n\n")[0] + b"\n" if text is None else text
    signature = time.to_bytes(8) + ed25519.sign(seed, b"cosignature/v1\ntime %d\n" % time + body)
    return f"— {key.name} {base64.b64encode(key.key_id + signature).decode()}\n".encode()


def test_a_cosignature_says_who_and_when() -> None:
    made = with_cosignatures(SIGNED, line() + line(key=WitnessKey("other", OURS.public)), OURS, "w")
    assert made == SIGNED + line(), "lines of others are left out"
    (found,) = require_all(made, [OURS], "w")
    assert (found.name, found.time_s) == (OURS.name, 5)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"", "witness"),
        (b"no line\n", "format"),
        (line()[:-1], "format"),
        (line(seed=bytes([1] * 32)), "witness"),
        (line(text=b"another\n"), "witness"),
        (line(key=WitnessKey("other", OURS.public)), "witness"),
        (line().replace(base64.b64encode(OURS.key_id)[:4], b"AAAA"), "witness"),
    ],
)
def test_an_answer_that_is_no_cosignature_is_refused(answer: bytes, fault: str) -> None:
    with pytest.raises(JournalRefused) as caught:
        with_cosignatures(SIGNED, answer, OURS, "w")
    assert caught.value.fault == fault


@pytest.mark.parametrize("body", [b"", b"x", b"-1\n", b"01\n", b"1\n\n", b" 1", b"9" * 30])
def test_a_size_that_is_none_is_refused(body: bytes) -> None:
    assert parse_size(b"17\n", "w") == 17
    with pytest.raises(JournalRefused, match="format at w"):
        parse_size(body, "w")


def test_keys_are_read_as_strictly_as_they_are_written() -> None:
    assert parse_witness_key(f" {OURS}\n") == OURS
    for wrong in (
        "",
        "x",
        str(OURS)[:-4],
        SIGNER.vkey,
        str(OURS).replace("+", "-"),
        str(OURS).replace("w.test", "w.tes"),
    ):
        with pytest.raises(InvalidInput):
            parse_witness_key(wrong)


# ----------------------------------------------------------------------- what a witness by others never does, but could


@dataclass
class Liar:
    """Answers what it was given, one after the other, and again the last one."""

    answers: list[tuple[int, bytes]]
    asked: list[bytes] = field(default_factory=list)
    place: str = "liar"

    async def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        self.asked.append(body)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


def liars() -> Iterator[tuple[list[tuple[int, bytes]], type[Exception], str]]:
    yield [(409, b"2\n"), (409, b"2\n")], JournalRefused, "fork at liar"
    yield [(409, b"1\n"), (409, b"2\n"), (409, b"1\n"), (409, b"2\n")], Unavailable, "moved on"
    yield [(409, b"9\n")], JournalRefused, "truncation at liar"
    yield [(409, b"nine\n")], JournalRefused, "format at liar"
    yield [(422, b"")], JournalRefused, "fork at liar"
    yield [(500, b"")], Unavailable, "answered 500"
    yield [(302, b"")], Unavailable, "answered 302"
    yield [(200, b"")], JournalRefused, "witness at liar"


@pytest.mark.parametrize(("answers", "error", "words"), [*liars()])
async def test_whatever_it_answers_ends_and_changes_nothing(
    journal: SqliteJournal, answers: list[tuple[int, bytes]], error: type[Exception], words: str
) -> None:
    signed = await grow(journal, 3)
    door = Liar(answers)
    with pytest.raises(error, match=words):
        await cosign(journal, Witness(door, OURS))
    assert await journal.checkpoint() == signed
    assert len(door.asked) <= 4


async def test_only_the_newest_checkpoint_takes_more_signatures(journal: SqliteJournal) -> None:
    signed = await grow(journal, 3)
    more = signed + line(text=signed.partition(b"\n\n")[0] + b"\n")
    assert await journal.keep_cosigned(more)
    assert await journal.checkpoint() == more
    for wrong in (signed, note.signed(note.Checkpoint(ORIGIN, 3, bytes(32)).text(), SIGNER.key, bytes(64))):
        with pytest.raises(Refused):
            await journal.keep_cosigned(wrong)
    await grow(journal, 1)
    assert not await journal.keep_cosigned(more)
