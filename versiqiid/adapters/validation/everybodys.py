"""Protobuf sources that registry clients import without ever registering them. Texts only; the compiler reads them.

What confluent's clients take for known: options that carry documentation, tags and rules, and decimal numbers
(https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/serdes-protobuf.html). A text
that is given by a reference of the same name takes the place of the one here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_META: Final = """syntax = "proto3";
package confluent;

import "google/protobuf/descriptor.proto";

message Rule {
  string name = 1;
  string doc = 2;
  string expr = 3;
  string sql = 4;
}

message Meta {
  string doc = 1;
  map<string, string> params = 2;
  repeated string tags = 3;
  repeated Rule rules = 4;
}

extend google.protobuf.FileOptions { Meta file_meta = 1088; }
extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }
"""

_DECIMAL: Final = """syntax = "proto3";
package confluent.type;

message Decimal {
  bytes value = 1;
  uint32 precision = 2;
  int32 scale = 3;
}
"""

_TEXTS: Final[Mapping[str, str]] = {
    "confluent/meta.proto": _META,
    "confluent/type/decimal.proto": _DECIMAL,
    "confluent/types/decimal.proto": 'syntax = "proto3";\nimport public "confluent/type/decimal.proto";\n',
}
_IMPORT: Final = re.compile(r'^\s*import\s+(?:public\s+|weak\s+)?"(confluent/[^"\n]+)"', re.MULTILINE)


def imported(sources: Mapping[str, str]) -> dict[str, str]:
    """The texts of this room that the sources need, by the names that they are imported by, without those given."""
    found: dict[str, str] = {}
    waiting = list(sources.values())
    while waiting:
        for name in _IMPORT.findall(waiting.pop()):
            if name in _TEXTS and name not in sources and name not in found:
                found[name] = _TEXTS[name]
                waiting.append(_TEXTS[name])
    return found
