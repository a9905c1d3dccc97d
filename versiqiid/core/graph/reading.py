"""The version graph as keys hold it: target documents are its edges, version keys its states."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from versiqiid.core import keys as k
from versiqiid.core.graph.links import VersionGraph
from versiqiid.core.objects import Override, Target, read_override, read_target
from versiqiid.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from versiqiid.core.graph.links import State
    from versiqiid.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Unread:
    """A target document that cannot be read: what it says of others is not known."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Landscape:
    """The graph, and what runs where.

    :ivar own: environment → target → version, as its own keys say; blank ones are left out.
    """

    graph: VersionGraph
    own: Mapping[str, Mapping[str, str]]
    unread: tuple[Unread, ...]

    def state(self, environment: str) -> dict[str, str]:
        """What runs in an environment: its own versions, and inherited ones."""
        found: dict[str, str] = {}
        for place in k.lineage(environment):
            for target, version in self.own.get(place, {}).items():
                found.setdefault(target, version)
        return dict(sorted(found.items()))

    def below(self, environment: str) -> tuple[str, ...]:
        """The environments below this one that have a version key of their own."""
        return tuple(sorted(place for place in self.own if place != environment and k.is_below(place, environment)))

    def after(self, environment: str, state: State) -> Landscape:
        """The same with version keys in this environment as ``state`` says, so that those below inherit them."""
        own = {**self.own, environment: {**self.own.get(environment, {}), **state}}
        return Landscape(self.graph, own, self.unread)


def landscape(snapshot: Snapshot) -> Landscape:
    """What the target and version keys say."""
    targets: dict[str, Target] = {}
    overrides: dict[tuple[str, str], Override] = {}
    own: dict[str, dict[str, str]] = defaultdict(dict)
    unread: list[Unread] = []
    for key, value in sorted(snapshot.items()):
        try:
            match k.parse(key):
                case k.TargetKey(target):
                    targets[target] = snapshot.parsed(key, read_target)
                case k.TargetVersionKey(target, version):
                    overrides[target, version] = snapshot.parsed(key, read_override)
                case k.VersionKey(environment, target):
                    text = value.raw.decode("utf-8-sig", "replace").strip()[: k.SEGMENT_CHARACTERS_MAX]
                    if text:
                        own[environment][target] = text
                case _:
                    continue
        except InvalidInput as error:
            unread.append(Unread(key, error.message))
    known: dict[str, set[str]] = defaultdict(set)
    for versions in own.values():
        for target, version in versions.items():
            known[target].add(version)
    graph = VersionGraph(targets, overrides, {target: tuple(sorted(texts)) for target, texts in known.items()})
    return Landscape(graph, dict(own), tuple(unread))
