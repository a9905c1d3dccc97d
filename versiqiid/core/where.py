"""Where bindings are: step 3 of the rule, and which places a change can make appear or vanish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from versiqiid.core.keys import BindingId, is_below, lineage
from versiqiid.core.snapshot import Snapshot


def exists(snapshot: Snapshot, binding: BindingId) -> bool:
    """Whether (E, T, N) exists: it has a binding that applies, and a version or a reason to go on existing.

    A key counts here whatever its value: blank versions and unreadable bindings too.
    """
    versions = snapshot.versions[binding.target]
    bound = snapshot.bindings[binding.target, binding.name]
    here = binding.environment
    if not any(place in bound for place in lineage(here)):
        return False
    if here in versions or snapshot.has_effective(binding):
        return True
    if here not in bound:
        return False
    if any(place in versions for place in lineage(here)):
        return True
    return not any(is_below(place, here) for place in versions)


def candidates(snapshot: Snapshot, target: str, name: str) -> set[str]:
    """Every environment where (E, target, name) may exist or has something to be removed."""
    return snapshot.versions[target] | snapshot.bindings[target, name] | snapshot.outputs[target, name].keys()


def related(environments: Iterable[str], changed: str) -> Iterator[str]:
    """The environments whose existence or inheritance a key at ``changed`` can touch: at, below and above it."""
    return (place for place in environments if is_below(place, changed) or is_below(changed, place))


def touched_by_version(snapshot: Snapshot, environment: str, target: str) -> Iterator[BindingId]:
    """The bindings that a version key at (environment, target) may move."""
    for name in snapshot.names[target]:
        for place in related(candidates(snapshot, target, name), environment):
            yield BindingId(place, target, name)


def touched_by_binding(snapshot: Snapshot, binding: BindingId) -> Iterator[BindingId]:
    """The bindings that a binding, effective or status key may move."""
    yield binding
    for place in related(candidates(snapshot, binding.target, binding.name), binding.environment):
        if place != binding.environment:
            yield BindingId(place, binding.target, binding.name)


def every_binding(snapshot: Snapshot) -> Iterator[BindingId]:
    """Every place that may exist or has something to be removed."""
    for target, names in list(snapshot.names.items()):
        for name in list(names):
            for place in candidates(snapshot, target, name):
                yield BindingId(place, target, name)
