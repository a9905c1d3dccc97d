"""The comparison of two Protobuf schemas: files, messages, enums, oneofs and fields, each pair of messages once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from versiqiid.core.compatibility.protobuf.fields import REQUIRED, Kind, compare_field, entry, kind_of, values_of
from versiqiid.core.compatibility.verdict import Side

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from versiqiid.core.compatibility.protobuf.reading import Named, ProtobufSchema


@dataclass(frozen=True, slots=True)
class Found:
    """A rule that holds at a place: names of messages and oneofs and the number of the field, each after a slash."""

    rule: str
    path: str
    side: Side = Side.NEW


@dataclass(slots=True)
class Comparison:
    """Compares a writer's schema with a reader's. Imported messages are compared where a field uses them."""

    old: ProtobufSchema
    new: ProtobufSchema
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _ahead: list[tuple[str, Any, Any]] = field(default_factory=list)

    def run(self) -> tuple[Found, ...]:
        """Every difference, none twice."""
        return tuple(dict.fromkeys(self._files()))

    def old_type(self, of: Any) -> Named | None:
        """See ``fields.Types``."""
        return self.old.types.get(of.type_name)

    def new_type(self, of: Any) -> Named | None:
        return self.new.types.get(of.type_name)

    def _files(self) -> Iterator[Found]:
        old, new = self.old.file, self.new.file
        if old.package != new.package:
            yield Found("PACKAGE_CHANGED", "")
        yield from self._named("", (old.message_type, old.enum_type), (new.message_type, new.enum_type))
        while self._ahead:  # imported messages may refer to each other in chains of any length
            yield from self._messages(*self._ahead.pop())

    def _named(
        self, path: str, old: tuple[Sequence[Any], Sequence[Any]], new: tuple[Sequence[Any], Sequence[Any]]
    ) -> Iterator[Found]:
        """The messages and enums that stand beside each other in one place."""
        before, after = ([each for each in side[0] if not each.options.map_entry] for side in (old, new))
        yield from _come_and_gone("MESSAGE", path, before, after)
        places = {each.name: index for index, each in enumerate(before)}
        for index, message in enumerate(after):
            if message.name in places:
                yield from self._messages(f"{path}/{message.name}", before[places[message.name]], message)
                if places[message.name] != index:
                    yield Found("MESSAGE_MOVED", f"{path}/{message.name}")
        yield from _come_and_gone("ENUM", path, old[1], new[1])
        enums = {each.name: each for each in old[1]}
        for enum in new[1]:
            if enum.name in enums:
                yield from _compare_enums(f"{path}/{enum.name}", enums[enum.name], enum)

    def _messages(self, path: str, old: Any, new: Any) -> Iterator[Found]:
        before, after = _oneofs(old), _oneofs(new)
        yield from _compare_oneofs(path, old, before, after)
        yield from self._fields(path, old, new)
        yield from self._named(path, (old.nested_type, old.enum_type), (new.nested_type, new.enum_type))

    def _fields(self, path: str, old: Any, new: Any) -> Iterator[Found]:
        """By number, whatever oneof a field is in, so that moving it hides nothing."""
        before, after = ({each.number: each for each in side.field} for side in (old, new))
        for number in sorted({*before, *after}):
            was, now = before.get(number), after.get(number)
            if now is None and was is not None:
                yield from _removed(path, old, was, new)
            elif was is None and now is not None:
                group = _group(new, now)
                rule = "REQUIRED_FIELD_ADDED" if now.label == REQUIRED else "FIELD_ADDED"
                yield Found("ONEOF_FIELD_ADDED" if group else rule, f"{path}{group}/{number}")
            elif was is not None and now is not None:
                if _group(old, was) and not _group(new, now):
                    yield Found("ONEOF_FIELD_MOVED_TO_TOP_LEVEL", f"{path}/{number}")
                yield from self._field(f"{path}{_group(new, now)}/{number}", was, now)

    def _field(self, path: str, old: Any, new: Any) -> Iterator[Found]:
        for rule in compare_field(old, new, self):
            yield Found(rule, path)
        yield from self._imported(old, new)

    def _imported(self, old: Any, new: Any) -> Iterator[Found]:
        """What the field's type consists of, where it does not stand in both schemas; messages are put aside."""
        before, after = self.old_type(old), self.new_type(new)
        if before is None or after is None or before.is_enum is not after.is_enum:
            return
        if kind_of(old, before) is Kind.MAP and kind_of(new, after) is Kind.MAP:
            for one, other in zip(entry(before), entry(after), strict=True):
                yield from self._imported(one, other)
            return
        pair = (old.type_name, new.type_name)
        if (before.own and after.own) or before.local != after.local or pair in self._seen:
            return
        self._seen.add(pair)
        path = "/" + before.local.replace(".", "/")
        if before.is_enum:
            yield from _compare_enums(path, before.descriptor, after.descriptor)
        else:
            self._ahead.append((path, before.descriptor, after.descriptor))


def _come_and_gone(rule: str, path: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[Found]:
    before, after = {each.name for each in old}, {each.name for each in new}
    yield from (Found(f"{rule}_REMOVED", f"{path}/{each.name}", Side.OLD) for each in old if each.name not in after)
    yield from (Found(f"{rule}_ADDED", f"{path}/{each.name}") for each in new if each.name not in before)


def _compare_enums(path: str, old: Any, new: Any) -> Iterator[Found]:
    """By number; with ``allow_alias`` a number may have several names, of which those that were have to stay."""
    before, after = values_of(old), values_of(new)
    for number in sorted({*before, *after}):
        if number not in after:
            yield Found("ENUM_CONST_REMOVED", f"{path}/{number}", Side.OLD)
        elif number not in before:
            yield Found("ENUM_CONST_ADDED", f"{path}/{number}")
        elif not before[number] <= after[number]:
            yield Found("ENUM_CONST_CHANGED", f"{path}/{number}")


def _oneofs(message: Any) -> dict[str, list[int]]:
    """The numbers of the fields of each oneof that somebody wrote; ``optional`` in proto3 makes others."""
    found: dict[str, list[int]] = {}
    for each in message.field:
        if group := _group(message, each):
            found.setdefault(group, []).append(each.number)
    return found


def _group(message: Any, each: Any) -> str:
    """The name of the field's oneof after a slash, or nothing."""
    if not each.HasField("oneof_index") or each.proto3_optional:
        return ""
    return f"/{message.oneof_decl[each.oneof_index].name}"


def _compare_oneofs(path: str, old: Any, before: dict[str, list[int]], after: dict[str, list[int]]) -> Iterator[Found]:
    """Fields of a new oneof exclude each other; that is new where they came from more than one place."""
    was = {each.number: _group(old, each) for each in old.field}
    for name, numbers in after.items():
        known = [number for number in numbers if number in was]
        origins = {was[number] or number for number in known}
        alone = sum(not was[number] for number in known)
        if len(origins) > 1:
            yield Found("MULTIPLE_FIELDS_MOVED_TO_ONEOF" if alone > 1 else "FIELD_MOVED_TO_EXISTING_ONEOF", path + name)
    yield from (Found("ONEOF_REMOVED", path + name, Side.OLD) for name in before if name not in after)
    yield from (Found("ONEOF_ADDED", path + name) for name in after if name not in before)


def _removed(path: str, old: Any, gone: Any, new: Any) -> Iterator[Found]:
    """A field that is gone; together with its whole oneof it is a field like any other that is gone."""
    group = _group(old, gone)
    rule = "REQUIRED_FIELD_REMOVED" if gone.label == REQUIRED else "FIELD_REMOVED"
    if group and (group in _oneofs(new) or not {each.number for each in new.field}.isdisjoint(_oneofs(old)[group])):
        rule = "ONEOF_FIELD_REMOVED"
    yield Found(rule, f"{path}{group}/{gone.number}", Side.OLD)
