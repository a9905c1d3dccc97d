"""Where a change comes from: the place in Git that an annotation names, and the W3C trace that a request belongs to."""

from __future__ import annotations

import re
from typing import Final

from versiqiid.core.document import read
from versiqiid.errors import InvalidInput

ANNOTATIONS: Final = "annotations/"
"""Room of the annotations: ``annotations/<key>`` tells of the next change of ``<key>``."""

MEMBERS: Final = ("repository", "commit", "path")
MEMBER_CHARACTERS_MAX: Final = 1024

# https://www.w3.org/TR/trace-context/#traceparent-header-field-values: "All bytes as zero is considered an invalid
# value" for trace-id and for parent-id; "Version ff is invalid"; a higher version may carry more fields behind.
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]*)?"
)


def read_annotation(raw: bytes) -> dict[str, str]:
    """``{repository?, commit?, path?}`` of an annotation.

    :raises Unreadable: no document. :raises InvalidInput: not such an object.
    """
    told = read(raw)
    if not isinstance(told, dict) or not told or not told.keys() <= set(MEMBERS):
        raise InvalidInput(f"an annotation is an object with {', '.join(MEMBERS)}, at least one of them")
    for name, value in told.items():
        if not isinstance(value, str) or not 0 < len(value) <= MEMBER_CHARACTERS_MAX:
            raise InvalidInput(f"annotation: {name} must be text of 1 to {MEMBER_CHARACTERS_MAX} characters")
    return {name: without_credentials(value) for name, value in told.items()}


def without_credentials(text: str) -> str:
    """An address as a journal may keep it: CI systems put tokens into the addresses that they clone from. What is no
    address is given back as it is.
    """
    scheme, mark, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{mark}{authority.rpartition('@')[2]}{slash}{path}" if mark else text


def traceparent(text: str) -> str | None:
    """The header as version 00 has it, None when it is none: "the vendor … MUST NOT use" an invalid one."""
    found = _TRACEPARENT.fullmatch(text.strip())
    if found is None or (found[1] == "00" and found[5]):
        return None
    return f"00-{found[2]}-{found[3]}-{found[4]}"
