"""One pair of JSON Schemas: the three sources of a verdict, and how they are combined.

======== ============================================================================================================
proof    the canonical form shows that the new schema takes all that the old one took: compatible
rules    the differences decide
witness  a document that the old schema takes and the new one refuses: under STRICT incompatible, whatever the rules say
======== ============================================================================================================

Under LENIENT the rules decide and a witness is only shown. A comparison over its work budget is incompatible.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from versiqiid.core.canonical import canonical
from versiqiid.core.compatibility.fixpoint import OverBudgetError
from versiqiid.core.compatibility.json_schema import proof
from versiqiid.core.compatibility.json_schema.compare import STEPS_MAX, Comparison
from versiqiid.core.compatibility.json_schema.model import Reader
from versiqiid.core.compatibility.json_schema.rules import FILLED_BY_DEFAULTS, Policy, Rule
from versiqiid.core.compatibility.json_schema.witness import DOCUMENTS_MAX, Search
from versiqiid.core.compatibility.verdict import Basis, Broken, Difference, Judgement, Live, Side, Witness, undecided
from versiqiid.core.schema import CompiledSchema, compile_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from versiqiid.core.canonical import Json
    from versiqiid.core.compatibility.json_schema.found import Differences

_NOTHING: Final[Mapping[str, Json]] = MappingProxyType({})


class Defaults(StrEnum):
    """What readers do with ``default``."""

    IGNORED = "ignored"  # nothing: a required property has to be there
    APPLIED = "applied"  # they fill it in before they validate


@dataclass(frozen=True, slots=True)
class JsonSchemaJudge:
    """Judges pairs of JSON Schemas. The same settings and schemas always give the same judgement.

    :ivar formats: whether ``format`` is asserted when documents are validated. It is part of the contract either way:
        under STRICT a format may go, but neither come nor change.
    :ivar dialect: what a schema speaks that declares no ``$schema``; None = draft 2020-12.
    :ivar remotes: further documents that references may lead to, by absolute URI without fragment.
    :ivar live: documents that are really stored; each that would break is named in the judgement.
    :ivar seed: which of the many documents that could be tried are tried.
    :ivar steps_max: pairs of subschemas that the rules may look at.
    :ivar documents_max: documents that are made up in search of a witness; 0 = only live ones.
    """

    policy: Policy = Policy.STRICT
    defaults: Defaults = Defaults.IGNORED
    formats: bool = False
    dialect: str | None = None
    remotes: Mapping[str, Json] = field(default_factory=lambda: _NOTHING)
    live: tuple[Live, ...] = ()
    seed: int = 0
    steps_max: int = STEPS_MAX
    documents_max: int = DOCUMENTS_MAX

    def __call__(self, old: Json, new: Json) -> Judgement:
        """Whether a reader of ``new`` reads every document of ``old``.

        :raises UnusableSchema: one of them is no usable schema.
        """
        writer, reader = self._compiled(old), self._compiled(new)
        if canonical(writer.schema) == canonical(reader.schema):
            return Judgement(compatible=True, basis=Basis.PROOF)
        proven = self._proven(writer, reader)
        root = Reader(reader, Side.NEW).root()
        try:
            found = Comparison(self._allows, self.steps_max).run(Reader(writer, Side.OLD).root(), root)
        except OverBudgetError:
            found = None
        if proven:
            return Judgement(compatible=True, basis=Basis.PROOF, differences=self._told(found or (), proven=True))
        fill = root if self.defaults is Defaults.APPLIED else None
        search = Search(writer, reader, self.seed, self.documents_max, fill)
        broken = search.broken(self.live)
        witness = search.live(self.live) or search.made_up(
            proof.difference(reader, writer, self.remotes, formats=self.formats) if self.documents_max else None
        )
        return self._combined(found, witness, broken)

    def _combined(self, found: Differences | None, witness: Witness | None, broken: tuple[Broken, ...]) -> Judgement:
        differences = (_UNDECIDED,) if found is None else self._told(found, proven=False)
        basis = Basis.UNDECIDED if found is None else Basis.RULES
        compatible = not any(difference.breaking for difference in differences)
        if compatible and witness is not None and self.policy is Policy.STRICT:
            compatible, basis, differences = False, Basis.WITNESS, (*differences, _SHOWN)
        return Judgement(compatible, basis, differences, witness, broken)

    def _compiled(self, schema: Json) -> CompiledSchema:
        if self.dialect is not None and isinstance(schema, dict) and "$schema" not in schema:
            schema = {"$schema": self.dialect, **schema}
        return compile_schema(schema, formats=self.formats, registry=self.remotes)

    def _proven(self, writer: CompiledSchema, reader: CompiledSchema) -> bool:
        """Formats count as part of the contract, and a proof that leans on them proves nothing where they do not."""
        readings = (True,) if self.formats else (True, False)
        return all(proof.covers(reader, writer, self.remotes, formats=formats) for formats in readings)

    def _allows(self, rule: Rule) -> bool:
        if self.formats and rule.name.startswith("FORMAT_"):
            return rule.name == "FORMAT_REMOVED"
        if self.policy is Policy.STRICT and self.defaults is Defaults.IGNORED and rule.name in FILLED_BY_DEFAULTS:
            return False
        return rule.compatible(self.policy)

    def _told(self, found: Differences, *, proven: bool) -> tuple[Difference, ...]:
        told = []
        for each in found:
            breaking = not proven and not self._allows(each.rule)
            message, fix = each.rule.message + each.detail, each.rule.fix if breaking else ""
            told.append(Difference(each.rule.name, each.pointer, each.side, breaking, message, fix))
        return tuple(told)


_UNDECIDED: Final = undecided("make the schemas simpler: fewer alternatives that refer to each other")
_SHOWN: Final = Difference(
    "WITNESS",
    "",
    Side.NEW,
    breaking=True,
    message="every difference is compatible by its rule, and yet there is a document that the new schema refuses",
    fix="look at the witness; where alternatives overlap, use anyOf in place of oneOf",
)
