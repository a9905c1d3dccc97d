"""The rules of schema resolution: what a reader makes of what a writer writes, part by part, each fault with its place.

The avro library has a checker of the same rules; it is asked about primitive types, and tests hold the two together. It
is not asked about whole schemas because its answer does not say which fault is where, takes an alias without a
namespace for another name than it is, and trusts an assumption about a recursive type after it turned out wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from versiqiid.core.compatibility.avro.reading import NAMED, AvroSchema, aliases_of, promotes
from versiqiid.core.compatibility.fixpoint import FixPoint

if TYPE_CHECKING:
    from collections.abc import Iterator

STEPS_MAX: Final = 50_000
"""Pairs of types that are looked at, met again or not."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One difference.

    :ivar pointer: into the reader's schema; into the writer's where ``in_writer``.
    """

    rule: str
    pointer: str
    detail: str = ""
    in_writer: bool = False


Faults: TypeAlias = tuple[Fault, ...]

BREAKING: Final = frozenset(
    {
        "TYPE_MISMATCH",
        "NAME_MISMATCH",
        "FIXED_SIZE_MISMATCH",
        "MISSING_ENUM_SYMBOLS",
        "READER_FIELD_MISSING_DEFAULT_VALUE",
        "MISSING_UNION_BRANCH",
    }
)


def breaks(faults: Faults) -> bool:
    """Whether one of them keeps the reader from reading."""
    return any(fault.rule in BREAKING for fault in faults)


@dataclass(slots=True)
class Resolution:
    """Resolves a writer's schema against a reader's; recursion to its fix-point, as for JSON Schema."""

    reader: AvroSchema
    writer: AvroSchema
    steps_max: int = STEPS_MAX
    _pairs: FixPoint[tuple[int, int], Fault] = field(init=False)

    def __post_init__(self) -> None:
        self._pairs = FixPoint(breaks, self.steps_max)

    def run(self) -> Faults:
        """Every difference, none twice.

        :raises OverBudgetError: more pairs than ``steps_max``, or nested too deeply.
        """
        return self._pairs.run(lambda: self._resolve(self.reader.root, self.writer.root))

    def _resolve(self, reader: Any, writer: Any) -> Faults:
        pair = (id(reader), id(writer))  # both belong to schemas that this object keeps
        return self._pairs.of(pair, lambda: self._types(reader, writer))

    def _types(self, reader: Any, writer: Any) -> Iterator[Fault]:
        if writer.type == "union":
            for branch in writer.schemas:
                yield from self._resolve(reader, branch)
        elif reader.type == "union":
            yield from self._branch(reader, writer)
        elif reader.type == writer.type == "array":
            yield from self._resolve(reader.items, writer.items)
        elif reader.type == writer.type == "map":
            yield from self._resolve(reader.values, writer.values)
        elif reader.type == writer.type and reader.type in NAMED:
            yield from self._named(reader, writer)
        elif reader.type in NAMED or writer.type in NAMED or not promotes(reader, writer):
            yield Fault("TYPE_MISMATCH", self.reader.at(reader), f": {writer.type} → {reader.type}")
        elif reader.type != writer.type:
            yield Fault("TYPE_PROMOTED", self.reader.at(reader), f": {writer.type} → {reader.type}")

    def _branch(self, reader: Any, writer: Any) -> Faults:
        """What the writer writes goes to one branch; branches of its own name or type come first."""
        ordered = sorted(reader.schemas, key=lambda branch: -_likeness(branch, writer))
        for branch in ordered:
            faults = self._resolve(branch, writer)
            if not breaks(faults):
                return faults
        missing = Fault("MISSING_UNION_BRANCH", self.reader.at(reader), f": {_called(writer)}")
        nearest = ordered[0] if ordered and _likeness(ordered[0], writer) else None
        return (*(self._resolve(nearest, writer) if nearest is not None else ()), missing)

    def _named(self, reader: Any, writer: Any) -> Iterator[Fault]:
        pointer = self.reader.at(reader)
        if reader.name != writer.name and writer.fullname not in aliases_of(reader):
            yield Fault("NAME_MISMATCH", f"{pointer}/name", f": {writer.fullname} → {reader.fullname}")
        if reader.type == "fixed":
            if reader.size != writer.size:
                yield Fault("FIXED_SIZE_MISMATCH", f"{pointer}/size", f": {writer.size} → {reader.size}")
        elif reader.type == "enum":
            yield from self._symbols(reader, writer)
        else:
            yield from self._fields(reader, writer)

    def _symbols(self, reader: Any, writer: Any) -> Iterator[Fault]:
        known, written = set(reader.symbols), set(writer.symbols)
        missing = [symbol for symbol in writer.symbols if symbol not in known]
        place = f"{self.reader.at(reader)}/symbols"
        if missing:
            rule = "ENUM_DEFAULT_TAKES_SYMBOLS" if reader.props.get("default") in known else "MISSING_ENUM_SYMBOLS"
            yield Fault(rule, place, f": {', '.join(missing)}")
        if known - written:
            yield Fault("ENUM_SYMBOLS_ADDED", place)

    def _fields(self, reader: Any, writer: Any) -> Iterator[Fault]:
        written = {each.name: each for each in writer.fields}
        read: set[str] = set()
        for index, each in enumerate(reader.fields):
            source = next((written[name] for name in (each.name, *_aliases(each)) if name in written), None)
            pointer = f"{self.reader.at(reader)}/fields/{index}"
            if source is not None:
                read.add(source.name)
                if source.name != each.name:
                    yield Fault("FIELD_RENAMED_BY_ALIAS", pointer, f": '{source.name}' → '{each.name}'")
                yield from self._resolve(each.type, source.type)
            elif each.has_default:
                yield Fault("FIELD_WITH_DEFAULT_ADDED", pointer, f": '{each.name}'")
            else:
                yield Fault("READER_FIELD_MISSING_DEFAULT_VALUE", pointer, f": '{each.name}'")
        for index, each in enumerate(writer.fields):
            if each.name not in read:
                pointer = f"{self.writer.at(writer)}/fields/{index}"
                yield Fault("FIELD_REMOVED", pointer, f": '{each.name}'", in_writer=True)


def _aliases(each: Any) -> tuple[str, ...]:
    written = each.props.get("aliases")
    return tuple(name for name in written if isinstance(name, str)) if isinstance(written, list | tuple) else ()


def _likeness(branch: Any, writer: Any) -> int:
    """How much a branch looks like what is written: its full name, its name, its type, or nothing."""
    if branch.type != writer.type:
        return 0
    if branch.type not in NAMED:
        return 3
    return 3 if branch.fullname == writer.fullname else 2 if branch.name == writer.name else 1


def _called(schema: Any) -> str:
    return f"{schema.type} {schema.fullname}" if schema.type in NAMED else str(schema.type)
