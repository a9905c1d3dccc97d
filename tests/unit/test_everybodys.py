"""Protobuf sources that clients import without registering them."""

from __future__ import annotations

import pytest
from google.protobuf import descriptor_pb2

from versiqiid.adapters.validation.everybodys import imported
from versiqiid.adapters.validation.protoc import compile_source
from versiqiid.errors import UnusableSchema

META = """syntax = "proto3";
package own;
import "confluent/meta.proto";
message M { option (confluent.message_meta) = { doc: "d" }; int32 a = 1 [(confluent.field_meta) = { tags: "PII" }]; }
"""


def test_options_and_decimals_are_there() -> None:
    """What they need comes with them; everything that is imported stands in the result."""
    source = META.replace(
        "message M {", 'import "confluent/types/decimal.proto";\nmessage M { confluent.type.Decimal d = 2;'
    )
    files = descriptor_pb2.FileDescriptorSet.FromString(compile_source("own.proto", source, {}))
    names = [file.name for file in files.file]
    assert names[-1] == "own.proto"
    assert {"confluent/meta.proto", "confluent/types/decimal.proto", "confluent/type/decimal.proto"} <= set(names)


def test_what_a_reference_gives_comes_first() -> None:
    """A text of that name that somebody registered is the one that counts."""
    own = 'syntax = "proto3"; package confluent; message Meta { string other = 1; }'
    assert imported({"own.proto": META, "confluent/meta.proto": own}) == {}
    with pytest.raises(UnusableSchema, match="_meta"):
        compile_source("own.proto", META, {"confluent/meta.proto": own})


def test_nothing_else_is_there() -> None:
    assert imported({"own.proto": 'import "confluent/other.proto"; // import "confluent/meta.proto"'}) == {}
    assert imported({"own.proto": 'syntax = "proto3"; message A {}'}) == {}
