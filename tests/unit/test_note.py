"""Signed notes and checkpoints: read as strictly as they are written, and equal to what others write."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core import ed25519, merkle, note
from versiqiid.errors import InvalidInput, JournalRefused

SEED = bytes(range(32))
KEY = note.VerifierKey("versiqii.local/0123456789abcdef", ed25519.public_key(SEED))
OTHER_SEED = bytes(32)
OTHER = note.VerifierKey(KEY.name, ed25519.public_key(OTHER_SEED))

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()


def sign(text: bytes, seed: bytes = SEED, key: note.VerifierKey = KEY) -> bytes:
    return note.signed(text, key, ed25519.sign(seed, text))


def checkpoint(size: int = 3, root: bytes = bytes(32)) -> note.Checkpoint:
    return note.Checkpoint(KEY.name, size, root)


def refusal(data: bytes, *keys: note.VerifierKey) -> str:
    with pytest.raises(JournalRefused) as caught:
        note.verify_checkpoint(data, keys or (KEY,), "checkpoint")
    assert caught.value.place == "checkpoint"
    return caught.value.fault


def test_the_example_of_gos_note_package_verifies() -> None:
    """The published example of golang.org/x/mod/sumdb/note, key and note."""
    key = note.parse_vkey(GO_KEY)
    assert str(key) == GO_KEY
    assert note.verify_note(GO_NOTE, [key], "note") == GO_NOTE.partition(b"\n\n")[0] + b"\n"


def test_a_key_id_is_made_of_name_type_and_key() -> None:
    digest = hashlib.sha256(KEY.name.encode() + b"\x0a\x01" + KEY.public).digest()
    assert str(KEY) == f"{KEY.name}+{digest[:4].hex()}+{base64.b64encode(bytes([1]) + KEY.public).decode()}"
    assert note.parse_vkey(str(KEY) + "\n") == KEY


def test_what_is_signed_verifies_and_says_the_same() -> None:
    data = sign(checkpoint().text())
    assert note.verify_checkpoint(data, [KEY], "checkpoint") == checkpoint()
    assert note.peek_checkpoint(data, "checkpoint") == checkpoint()
    assert data.count(b"\n\n") == 1


def test_a_signature_of_an_unknown_key_is_ignored_beside_a_known_one() -> None:
    text = checkpoint().text()
    data = sign(text) + sign(text, OTHER_SEED, OTHER).partition(b"\n\n")[2]
    assert note.verify_checkpoint(data, [KEY], "checkpoint") == checkpoint()
    assert note.verify_checkpoint(data, [OTHER, KEY], "checkpoint") == checkpoint()


def test_a_wrong_signature_of_a_known_key_refuses_the_note_however_many_good_ones_there_are() -> None:
    text = checkpoint().text()
    wrong = sign(b"another text\n", OTHER_SEED, OTHER).partition(b"\n\n")[2]
    assert refusal(sign(text) + wrong, KEY, OTHER) == "signature"


def test_another_key_of_the_same_name_does_not_verify() -> None:
    assert refusal(sign(checkpoint().text(), OTHER_SEED, OTHER)) == "signature"


def test_a_log_signed_under_another_name_is_refused() -> None:
    assert refusal(sign(note.Checkpoint("another.log", 3, bytes(32)).text())) == "origin"


def test_size_zero_with_any_root_but_the_empty_one_is_refused_however_well_signed() -> None:
    assert refusal(sign(checkpoint(0, bytes(32)).text())) == "root"
    empty = checkpoint(0, merkle.EMPTY_ROOT)
    assert note.verify_checkpoint(sign(empty.text()), [KEY], "checkpoint") == empty


ROOT = base64.b64encode(bytes(32))


@pytest.mark.parametrize(
    "text",
    [
        b"origin\n3\n" + ROOT + b"\nextension\n",
        b"origin\n\n3\n" + ROOT + b"\n",
        b"origin\n03\n" + ROOT + b"\n",
        b"origin\n-1\n" + ROOT + b"\n",
        b"origin\n+1\n" + ROOT + b"\n",
        "origin\n\u0663\n".encode() + ROOT + b"\n",
        b"origin\n3\n" + ROOT[:-4] + b"\n",
        b"origin\n3\n" + ROOT[:-2] + b"B=\n",
        b"\n3\n" + ROOT + b"\n",
        b"origin\n3\n",
    ],
)
def test_a_text_that_is_not_exactly_a_checkpoint_is_refused(text: bytes) -> None:
    assert refusal(sign(text)) == "format"


GOOD = sign(checkpoint().text())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        checkpoint().text(),
        GOOD[:-1],
        GOOD.replace(b"\n\n", b"\n"),
        GOOD + b"\n",
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"\xe2\x80\x94 ", b"- "),
        GOOD + b"\xff",
        GOOD + b"\xe2\x80\x94 name\n",
        GOOD + b"\xe2\x80\x94 na+me AAAAAAA=\n",
        GOOD + b"\xe2\x80\x94 name AAAA\n",
        GOOD + b"x" * note.NOTE_BYTES_MAX,
    ],
)
def test_bytes_that_are_no_signed_note_are_refused(data: bytes) -> None:
    assert refusal(data) == "format"


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(at: int, change: int) -> None:
    data = bytearray(GOOD)
    data[at] ^= change
    with pytest.raises(JournalRefused):
        note.verify_checkpoint(bytes(data), [KEY], "checkpoint")


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000+AAAA",
        str(KEY).replace("+", "-"),
        str(KEY).replace(KEY.key_id.hex(), "00000000"),
        str(KEY)[:-4],
        "na me" + str(KEY),
        f"{KEY.name}+{KEY.key_id.hex()}+{base64.b64encode(bytes([2]) + KEY.public).decode()}",
    ],
)
def test_text_that_is_no_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(InvalidInput, match="verifier key"):
        note.parse_vkey(vkey)


def test_a_key_goes_through_its_pem_and_nothing_else_is_taken_for_one() -> None:
    assert ed25519.from_pem(ed25519.to_pem(SEED), "log.key") == SEED
    for wrong in (b"", b"-----BEGIN PRIVATE KEY-----\n", ed25519.to_pem(SEED).replace(b"M", b"N", 1)):
        with pytest.raises(InvalidInput, match=r"log\.key"):
            ed25519.from_pem(wrong, "log.key")


def test_a_malformed_key_or_signature_verifies_nothing() -> None:
    good = ed25519.sign(SEED, b"m")
    assert ed25519.verify(KEY.public, good, b"m")
    assert not ed25519.verify(KEY.public[:31], good, b"m")
    assert not ed25519.verify(KEY.public, good[:63], b"m")
    assert not ed25519.verify(bytes([255]) * 32, good, b"m")
