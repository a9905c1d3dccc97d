"""Compatibility of Protobuf schemas, given as compiled descriptors: whoever has the text compiles it first, elsewhere.

``reading.py`` is the door to the protobuf runtime, ``compare.py`` walks two schemas by the rules of ``rules.py``,
``judge.py`` puts the verdict into words. The runtime is imported when the first pair is judged.
"""

from versiqiid.core.compatibility.protobuf.judge import ProtobufJudge
from versiqiid.core.compatibility.protobuf.rules import RULES, Encoding, Rule

__all__ = ["RULES", "Encoding", "ProtobufJudge", "Rule"]
