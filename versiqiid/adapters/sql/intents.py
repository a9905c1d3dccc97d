"""Intents as text: a leader's settlement made durable before its transaction, read back by whoever recovers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from versiqiid.core.canonical import canonical, digest
from versiqiid.errors import JournalRefused
from versiqiid.ports import Actor, Draft, Intent, IntentId, Observed


def encode(drafts: Sequence[Draft]) -> str:
    """The drafts as JSON; their documents by digest, because those lie beside the journal already."""
    return canonical([_plain(draft) for draft in drafts]).decode()


def _plain(draft: Draft) -> dict[str, Any]:
    value = {
        "type": draft.type,
        "stream": draft.stream,
        "data": dict(draft.data),
        "actor": asdict(draft.actor),
        "correlation_id": draft.correlation_id,
        "causation_id": draft.causation_id,
        "tenant": draft.tenant,
        "expect_stream_revision": draft.expect_stream_revision,
        "consul": None if draft.consul is None else dict(draft.consul),
        "git": None if draft.git is None else dict(draft.git),
        "observed": None if draft.observed is None else asdict(draft.observed),
        "documents": [digest(document) for document in draft.documents],
        "follows": draft.follows or None,
    }
    return {name: member for name, member in value.items() if member is not None}


def digests(drafts: str) -> set[str]:
    """The documents that encoded drafts need."""
    return {name for value in json.loads(drafts) for name in value["documents"]}


def decode(row: tuple[str, str, int, int, str], document: Callable[[str], bytes | None]) -> Intent:
    """The intent in a row of id, receipt key, epoch, position and encoded drafts.

    :param document: what is kept under a digest.
    :raises JournalRefused: ``document``: one of them is not there.
    """
    intent_id, receipt_key, epoch, position, drafts = row

    def found(name: str) -> bytes:
        value = document(name)
        if value is None:
            raise JournalRefused("document", f"intent {intent_id}", f"{name} is not kept")
        return value

    def draft(value: dict[str, Any]) -> Draft:
        observed = value.pop("observed", None)
        return Draft(
            **{
                **value,
                "actor": Actor(**value["actor"]),
                "observed": None if observed is None else Observed(**observed),
                "documents": tuple(found(name) for name in value["documents"]),
            }
        )

    return Intent(
        IntentId(intent_id), receipt_key, epoch, position, tuple(draft(value) for value in json.loads(drafts))
    )
