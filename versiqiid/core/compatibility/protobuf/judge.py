"""One pair of Protobuf schemas: the differences in words, and what would help."""

from __future__ import annotations

from dataclasses import dataclass

from versiqiid.core.compatibility.protobuf.compare import Comparison, Found
from versiqiid.core.compatibility.protobuf.reading import read
from versiqiid.core.compatibility.protobuf.rules import RULES, Encoding
from versiqiid.core.compatibility.verdict import Basis, Difference, Judgement


@dataclass(frozen=True, slots=True)
class ProtobufJudge:
    """Judges pairs of compiled Protobuf schemas.

    :ivar encoding: in which form documents are kept; configs are kept in the JSON mapping.
    """

    encoding: Encoding = Encoding.WIRE

    def __call__(self, old: bytes, new: bytes) -> Judgement:
        """Whether a reader of ``new`` reads all that was written with ``old``.

        :param old: a serialized ``FileDescriptorSet``, see ``reading.read``.
        :raises UnusableSchema: one of them is no compiled schema.
        """
        differences = tuple(map(self._told, Comparison(read(old), read(new)).run()))
        return Judgement(not any(each.breaking for each in differences), Basis.RULES, differences)

    def _told(self, found: Found) -> Difference:
        rule = RULES[found.rule]
        breaking = self.encoding not in rule.encodings
        return Difference(rule.name, found.path, found.side, breaking, rule.message, rule.fix if breaking else "")
