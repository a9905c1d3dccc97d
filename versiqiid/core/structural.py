"""What changed between two documents, item by item: lists whose items have keys are compared by key, not by place.

The changes are for people; ``patch`` is the same as RFC 6902, which leads from one document to the other exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from versiqiid.core.canonical import Json, canonical
from versiqiid.core.listkeys import Place
from versiqiid.core.patch import make_patch

ITEMS_MAX: Final = 2_000
"""Items of a list that are compared by key. Arbitrary: the work grows with the square."""

Named = dict[tuple[str, ...], int]


@dataclass(frozen=True, slots=True)
class Difference:
    """One change.

    :ivar change: added | removed | changed | moved.
    :ivar path: a JSON Pointer in which an item with a key stands as ``[name=…]``.
    """

    change: str
    path: str
    before: Json = None
    after: Json = None

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"change": self.change, "path": self.path}
        told |= {"before": self.before} if self.change in ("removed", "changed") else {}
        return told | ({"after": self.after} if self.change in ("added", "changed") else {})


def differences(before: Json, after: Json, place: Place, path: str = "") -> Iterator[Difference]:
    """What changed, in the order of the documents; nothing when they are equal."""
    if _same(before, after):
        return
    match before, after:
        case dict(), dict():
            for name in [*before, *(name for name in after if name not in before)]:
                yield from _member(before, after, name, place, path)
        case list(), list() if (named := _both_named(before, after, place)) is not None:
            yield from _items(before, after, named, place, path)
        case list(), list():
            yield from _plain_items(before, after, place, path)
        case _:
            yield Difference("changed", path, before, after)


def _member(
    before: dict[str, Json], after: dict[str, Json], name: str, place: Place, path: str
) -> Iterator[Difference]:
    here = f"{path}/{_token(name)}"
    if name not in after:
        yield Difference("removed", here, before=before[name])
    elif name not in before:
        yield Difference("added", here, after=after[name])
    else:
        yield from differences(before[name], after[name], place.member(name), here)


def _items(
    before: list[Json], after: list[Json], named: tuple[Named, Named], place: Place, path: str
) -> Iterator[Difference]:
    old, new = named
    kept = [name for name in old if name in new]
    order = {name: at for at, name in enumerate(name for name in new if name in old)}
    for at, name in enumerate(kept):
        here = f"{path}/{_label(place.keys, name)}"
        if order[name] != at:
            yield Difference("moved", here)
        yield from differences(before[old[name]], after[new[name]], place.item, here)
    for name in old:
        if name not in new:
            yield Difference("removed", f"{path}/{_label(place.keys, name)}", before=before[old[name]])
    for name in new:
        if name not in old:
            yield Difference("added", f"{path}/{_label(place.keys, name)}", after=after[new[name]])


def _plain_items(before: list[Json], after: list[Json], place: Place, path: str) -> Iterator[Difference]:
    for at, (one, other) in enumerate(zip(before, after, strict=False)):
        yield from differences(one, other, place.item, f"{path}/{at}")
    for at in range(len(after), len(before)):
        yield Difference("removed", f"{path}/{at}", before=before[at])
    for at in range(len(before), len(after)):
        yield Difference("added", f"{path}/{at}", after=after[at])


# ------------------------------------------------------------------------------------------------------------ patch


def patch(before: Json, after: Json, place: Place) -> list[dict[str, Json]]:
    """An RFC 6902 patch that turns ``before`` into ``after``; items with keys are edited where they are, and moved."""
    return list(_operations(before, after, place, ""))


def _operations(before: Json, after: Json, place: Place, path: str) -> Iterator[dict[str, Json]]:
    if _same(before, after):
        return
    match before, after:
        case dict(), dict():
            for name in before:
                if name not in after:
                    yield {"op": "remove", "path": f"{path}/{_token(name)}"}
            for name, value in after.items():
                here = f"{path}/{_token(name)}"
                if name in before:
                    yield from _operations(before[name], value, place.member(name), here)
                else:
                    yield {"op": "add", "path": here, "value": value}
        case list(), list() if (named := _both_named(before, after, place)) is not None:
            yield from _keyed(before, after, named, place, path)
        case _:
            for operation in make_patch(before, after):
                more = {"from": path + operation["from"]} if "from" in operation else {}
                yield {**operation, **more, "path": f"{path}{operation['path']}"}


def _keyed(
    before: list[Json], after: list[Json], named: tuple[Named, Named], place: Place, path: str
) -> Iterator[dict[str, Json]]:
    """Removals from the end, then each place in order: what stands before it is final, so its number is too."""
    old, new = named
    for name in reversed(old):
        if name not in new:
            yield {"op": "remove", "path": f"{path}/{old[name]}"}
    there = [name for name in old if name in new]
    for at, name in enumerate(new):
        here = f"{path}/{at}"
        if name not in old:
            yield {"op": "add", "path": here, "value": after[new[name]]}
            there.insert(at, name)
            continue
        found = there.index(name, at)
        if found != at:
            yield {"op": "move", "from": f"{path}/{found}", "path": here}
            there.insert(at, there.pop(found))
        yield from _operations(before[old[name]], after[new[name]], place.item, here)


# ------------------------------------------------------------------------------------------------------------- inside


def _both_named(before: list[Json], after: list[Json], place: Place) -> tuple[Named, Named] | None:
    keys = place.keys
    old, new = (_named(items, keys) for items in (before, after))
    return None if old is None or new is None else (old, new)


def _named(items: list[Json], keys: tuple[str, ...]) -> Named | None:
    """Where each item stands by the values of its keys; None when one has none, or two have the same."""
    if not keys or len(items) > ITEMS_MAX:
        return None
    found: Named = {}
    for at, item in enumerate(items):
        if not isinstance(item, dict) or not all(key in item for key in keys):
            return None
        name = tuple(canonical(item[key]).decode() for key in keys)
        if name in found:
            return None
        found[name] = at
    return found


def _label(keys: tuple[str, ...], name: tuple[str, ...]) -> str:
    values = (json.loads(text) for text in name)
    told = ",".join(
        f"{key}={value if isinstance(value, str) else text}"
        for key, value, text in zip(keys, values, name, strict=True)
    )
    return f"[{_token(told)}]"


def _token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _same(one: Json, other: Json) -> bool:
    return canonical(one) == canonical(other)
