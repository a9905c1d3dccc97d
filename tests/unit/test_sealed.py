"""What is sealed under a data key comes back whole, or is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.sealed import KEY_BYTES, NONCE_BYTES, DataKey, seal, unseal, wrapped_key
from versiqiid.errors import JournalRefused


def opened(plain: bytes, sealed: bytes) -> bytes:
    """As a restore does, with somebody who decrypts every data key to the same one."""
    wrapped_key(sealed, "here")
    return unseal(plain, sealed, "here")


KEYS = st.builds(DataKey, st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), st.just("vault:v1:d3JhcHBlZA=="))
NONCES = st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES)


@given(key=KEYS, nonce=NONCES, data=st.binary(max_size=200), at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_changed_bit_is_refused(key: DataKey, nonce: bytes, data: bytes, at: int, bit: int) -> None:
    sealed = seal(key, nonce, data)
    assert wrapped_key(sealed, "") == key.wrapped
    assert opened(key.plain, sealed) == data
    changed = bytearray(sealed)
    changed[at % len(sealed)] ^= 1 << bit
    with pytest.raises(JournalRefused) as caught:
        opened(key.plain, bytes(changed))
    assert (caught.value.fault, caught.value.place) == ("sealed", "here")


def test_a_key_is_not_shown() -> None:
    assert "secret" not in repr(DataKey(b"secret" * 5, "vault:v1:x"))


@pytest.mark.parametrize("data", [b"", b"\n", b"age-encryption.org/v1\n", b"versiqii-sealed/v1 " + b"x" * 2000])
def test_what_was_not_sealed_here_is_refused(data: bytes) -> None:
    with pytest.raises(JournalRefused, match="sealed at here"):
        wrapped_key(data, "here")
