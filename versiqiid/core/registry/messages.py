"""What a verdict is called in ``messages`` of the protocol: one string a difference that counts, the witness last."""

from __future__ import annotations

from collections.abc import Iterator

from versiqiid.core.canonical import canonical
from versiqiid.core.compatibility import Difference, Judgement

WITNESS = "witness: "


def messages(judgement: Judgement) -> list[str]:
    """Why a pair is incompatible, and the document that shows it; nothing when it is compatible."""
    if judgement.compatible:
        return []
    told = [_told(difference) for difference in judgement.breaking]
    if judgement.witness is not None:
        told.append(WITNESS + canonical(judgement.witness.document).decode())
    return told


def ordered(found: Iterator[list[str]]) -> list[str]:
    """The messages of several pairs as one list, each once: a witness stays last, and the first one is enough."""
    lines = list(dict.fromkeys(line for lines in found for line in lines))
    witnesses = [line for line in lines if line.startswith(WITNESS)]
    return [line for line in lines if not line.startswith(WITNESS)] + witnesses[:1]


def _told(difference: Difference) -> str:
    fix = f", fix:'{difference.fix}'" if difference.fix else ""
    place = difference.pointer or "/"
    return f"{{errorType:'{difference.rule}', description:'{difference.message}', additionalInfo:'{place}'{fix}}}"
