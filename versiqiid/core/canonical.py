"""One way to write a JSON value as bytes (RFC 8785), and one way to name bytes by digest. Nothing else lives here.

The library rfc8785 is the rule. Most documents hold nothing on which the standard library's C encoder and the rule
could differ; those take the encoder (about four times faster), and a property test holds the two together.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, TypeAlias

import rfc8785

Json: TypeAlias = Any
"""What JSON can say: None, bool, int within ±(2^53 - 1), finite float, str, list, dict with str keys."""

INTEGER_MAX = 2**53 - 1
"""The largest integer that every reader of JSON holds exactly (RFC 8785, appendix D; RFC 7493, section 2.2)."""

_encode = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode

# A number with an exponent or of 16 digits (ECMAScript and Python turn to exponents at different sizes, and it may be
# beyond INTEGER_MAX), or a whole float (Python writes 1.0, ECMAScript 1). Every other float is written alike by both:
# the shortest digits that read back. Inside a string this may match for nothing (rarely: not for "sha256:20e…"); that
# costs time and changes no byte.
_number_in_doubt = re.compile(r"(?:\":|[\[,])-?[0-9]+(?:(?<=[0-9]{16})|(?:\.[0-9]+)?e|\.0[,\]}])").search

# RFC 8785 sorts keys by UTF-16 code units: with characters beyond the BMP that is not the order of code points.
_astral = re.compile("[\U00010000-\U0010ffff]").search


def canonical(value: Json) -> bytes:
    """The RFC 8785 form: equal values give equal bytes, whatever they were written like (``1.0``, ``1`` and ``1e0``).

    :param value: within the document limits; ``document.check_value`` says whether it is.
    :raises ValueError: an integer beyond ±(2^53 - 1), a float that is not finite, a lone surrogate: nothing that
        ``document.read`` returned, and nothing that passed ``document.check_value``.
    """
    try:
        text = _encode(value)
        alone = text[0] in "-0123456789"
        if alone or _number_in_doubt(text) or (not text.isascii() and _astral(text)):
            return rfc8785.dumps(value)
        return text.encode()
    except ValueError:
        return rfc8785.dumps(value)


def read_canonical(raw: bytes) -> Json:
    """The value whose RFC 8785 form this is: what ``canonical`` wrote is always read back as an equal value.

    :raises ValueError: it is nobody's canonical form.
    """
    value = load(raw)
    if canonical(value) != raw:
        raise ValueError("not in canonical form")
    return value


def load(raw: bytes) -> Json:
    """The value of JSON that this program wrote, read for speed: nothing is checked but that it is JSON.

    ``document.read`` is for what people write, and refuses an integer beyond ±(2^53 - 1): readers disagree about it.
    Here it can only be the canonical form of a double (``1e20`` is written ``100000000000000000000``); as an integer it
    could not be written again.

    :raises ValueError: it is no JSON.
    """
    return _decode(raw.decode())


def double(literal: str) -> float | None:
    """The double whose RFC 8785 form this is, None where the digits are nobody's: they would be read as another number.

    :param literal: a number of JSON without fraction and exponent.
    """
    if len(literal) > _DIGITS_MAX:
        return None
    value = float(literal)
    return value if canonical(value) == literal.encode() else None


def _integer(literal: str) -> int | float:
    if len(literal) > _INTEGER_DIGITS_MAX or not -INTEGER_MAX <= (number := int(literal)) <= INTEGER_MAX:
        return float(literal)
    return number


_INTEGER_DIGITS_MAX = 17  # with sign, of the longest literal worth converting: int() of a long one is quadratic
_DIGITS_MAX = 22  # with sign, of the longest form without an exponent: from 1e21 on there is one
_decode = json.JSONDecoder(parse_int=_integer).decode


def digest(raw: bytes) -> str:
    """The name of these bytes: ``sha256:`` and 64 lower-case hexadecimal digits."""
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"
