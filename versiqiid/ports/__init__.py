"""What the engine needs from the world, written from the engine's side. Protocols and the plain values they carry.

No behaviour lives here, and no third party is named. A new backend is one module in ``adapters/`` and one subclass of
the contract suite in ``testing/``.

Keys in this module are *full* store keys (``versiqii/envs/prod/av/version``): roots are the engine's business.
"""

from versiqiid.ports.guests import GuestCall, GuestResult, MigrationRuntime, Runtime, ValidationRequest, Validator
from versiqiid.ports.journal import (
    Actor,
    Draft,
    Intent,
    IntentId,
    Journal,
    KeyRecord,
    Observed,
    Query,
    Recorded,
    Signer,
)
from versiqiid.ports.services import Credentials, EventSink, Metrics, Secret
from versiqiid.ports.store import (
    ABSENT,
    Batch,
    Check,
    Delete,
    Entry,
    Held,
    Holding,
    KeyValueStore,
    Listing,
    Locks,
    Observe,
    Operation,
    Reached,
    Revision,
    Session,
    SessionId,
    Set,
    StoreLimits,
    Trouble,
    WatchEvent,
)

__all__ = [
    "ABSENT",
    "Actor",
    "Batch",
    "Check",
    "Credentials",
    "Delete",
    "Draft",
    "Entry",
    "EventSink",
    "GuestCall",
    "GuestResult",
    "Held",
    "Holding",
    "Intent",
    "IntentId",
    "Journal",
    "KeyRecord",
    "KeyValueStore",
    "Listing",
    "Locks",
    "Metrics",
    "MigrationRuntime",
    "Observe",
    "Observed",
    "Operation",
    "Query",
    "Reached",
    "Recorded",
    "Revision",
    "Runtime",
    "Secret",
    "Session",
    "SessionId",
    "Set",
    "Signer",
    "StoreLimits",
    "Trouble",
    "ValidationRequest",
    "Validator",
    "WatchEvent",
]
