"""Which items a changed key touches: by what each one's last decision looked at, and by where things are.

An item is a binding, the drift of a target in an environment, or the record of an immutable key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from versiqiid.core import keys as k
from versiqiid.core import lawrecord, modules, promiserecord, published
from versiqiid.core.published import Published, every_published
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.core.where import every_binding, touched_by_binding, touched_by_version

Item: TypeAlias = k.BindingId | k.DriftKey | Published


def topics(key: str) -> Iterator[str]:
    """The lists that a key is a member of, in the words that ``Reads.listing`` uses."""
    yield from published.topics(key)
    yield from lawrecord.topics(key)
    yield from promiserecord.topics(key)
    match k.parse(key):
        case k.ConfigKey(target, _, name):
            yield f"configs/{target}/*/{name}"
        case k.MigrationKey(family, _, _):
            yield f"migrations/{family}/"
        case k.SchemaKey(family, _):
            yield f"schemas/{family}/"
        case k.ModuleKey(digest, _):
            yield modules.topic(digest)
        case k.HostKey(_, target):
            yield f"hosts/*/{target}"
        case _:
            return


class Impact:
    """Remembers what each item's last decision looked at, and answers in the cost of the change."""

    def __init__(self) -> None:
        self._by_key: dict[str, set[Item]] = defaultdict(set)
        self._by_item: dict[Item, tuple[str, ...]] = {}

    def remember(self, item: Item, reads: Reads) -> None:
        """Replace what is known of this item by what its newest decision looked at."""
        self.forget(item)
        looked_at = (*reads.guards, *reads.topics)
        self._by_item[item] = looked_at
        for key in looked_at:
            self._by_key[key].add(item)

    def forget(self, item: Item) -> None:
        for key in self._by_item.pop(item, ()):
            members = self._by_key[key]
            members.discard(item)
            if not members:
                del self._by_key[key]

    def touched(self, snapshot: Snapshot, changed: Iterable[str]) -> set[Item]:
        """The items whose decision may be another one after these keys changed, the ones that appear included."""
        found: set[Item] = set()
        for key in changed:
            found |= self._by_key.get(key, set())
            for topic in topics(key):
                found |= self._by_key.get(topic, set())
            match k.parse(key):
                case k.VersionKey(environment, target):
                    found.update(touched_by_version(snapshot, environment, target))
                    found.add(k.DriftKey(environment, target))
                case k.BindingKey(binding):
                    found.update(touched_by_binding(snapshot, binding))
                case k.EffectiveKey(binding) | k.StatusKey(binding):
                    found.update((binding, k.DriftKey(binding.environment, binding.target)))
                case k.DriftKey() as place:
                    found.add(place)
                case k.SchemaKey() | k.MigrationKey():
                    found.add(Published(key))
                case _:
                    pass
        return found


def everything(snapshot: Snapshot) -> set[Item]:
    """Every item there may be something to do for."""
    bindings = set(every_binding(snapshot))
    places = {k.DriftKey(binding.environment, binding.target) for binding in bindings}
    places |= {k.DriftKey(place, target) for target, where in snapshot.versions.items() for place in where}
    places |= {meaning for key, _ in snapshot.items() if isinstance(meaning := k.parse(key), k.DriftKey)}
    return {*bindings, *places, *every_published(snapshot)}
