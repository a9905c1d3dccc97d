"""The registry put together: what the faces hold."""

from __future__ import annotations

from dataclasses import dataclass

from versiqiid.api.registry.commits import Keys
from versiqiid.api.registry.deleting import Deleting
from versiqiid.api.registry.finding import Finding
from versiqiid.api.registry.judging import Judging
from versiqiid.api.registry.policies import Policies
from versiqiid.api.registry.registering import Registering
from versiqiid.api.registry.state import Reader, State
from versiqiid.api.registry.telling import Telling
from versiqiid.api.registry.writing import Writing
from versiqiid.engine.attributions import Attributions
from versiqiid.engine.gate import JournalGate
from versiqiid.ports import KeyValueStore


@dataclass(frozen=True, slots=True)
class Registry:
    """The use cases, by what they are about."""

    state: State
    policies: Policies
    finding: Finding
    telling: Telling
    judging: Judging
    writing: Writing


def open_registry(
    store: KeyValueStore, gate: JournalGate, attributions: Attributions, reader: Reader, *, root: str
) -> Registry:
    """The registry of one root."""
    state = State(Keys(store, gate, attributions, root=root), reader)
    policies, finding, judging = Policies(state), Finding(state, store, root), Judging(state)
    deleting = Deleting(state, policies, finding)
    writing = Writing(state, Registering(state, policies, finding, judging, deleting), deleting)
    return Registry(state, policies, finding, Telling(state, finding), judging, writing)
