"""Texts of the three languages understood and judged in pairs. Runs where it can be stopped: no text is to be trusted.

Protobuf texts come here compiled; the caller has the compiler.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from versiqiid.core.compatibility import Judgement
from versiqiid.core.compatibility.avro import AvroJudge
from versiqiid.core.compatibility.avro.reading import read as read_avro
from versiqiid.core.compatibility.json_schema import JsonSchemaJudge
from versiqiid.core.compatibility.json_schema.judge import Defaults
from versiqiid.core.compatibility.json_schema.rules import Policy
from versiqiid.core.compatibility.protobuf import ProtobufJudge
from versiqiid.core.descriptors import file_from_base64
from versiqiid.core.registry import avro_form, json_form, protobuf_form
from versiqiid.core.registry.avro_defaults import wrong_default
from versiqiid.core.registry.content import Form, SchemaType, Text
from versiqiid.core.registry.protobuf_text import source_of
from versiqiid.core.schema import compile_schema
from versiqiid.errors import UnusableSchema

Compile = Callable[[Text], bytes]
"""A Protobuf text with its references as a serialized ``FileDescriptorSet``."""


def read(text: Text, compile_: Compile) -> Form:
    """The schema's forms.

    :raises UnusableSchema: it is none of its language, or refers to what is not there.
    """
    match text.type:
        case SchemaType.AVRO:
            schema = avro_form.unwrapped(_parsed(text.text))
            references = [avro_form.unwrapped(_parsed(each)) for _, each in text.references]
            read_avro(schema, references)
            _check_defaults(schema, references)
            plain, normal = (_compact(avro_form.form_of(schema, normal=normal)) for normal in (False, True))
            resolved = _resolved(schema, references) if references else ""
            return Form(text.text, plain, normal, normal, fields=_names(schema, "fields"), resolved=resolved)
        case SchemaType.JSON:
            schema = _parsed(text.text)
            compile_schema(_bundled(text, schema), formats=False)
            plain, normal = (json_form.form_of(schema, normal=normal) for normal in (False, True))
            return Form(text.text, plain, normal, normal, fields=_names(schema, "properties"))
        case SchemaType.PROTOBUF:
            source = as_source(text)
            file = protobuf_form.file_of(compile_(source))
            plain, normal = (protobuf_form.form_of(file, normal=normal) for normal in (False, True))
            ordered = file_from_base64(normal)
            names = tuple(field.name for message in file.message_type for field in message.field)
            return Form(source.text, plain, normal, source_of(ordered), protobuf_form.serialized(file), names)


def judge(old: Text, new: Text, policy: str, compile_: Compile) -> Judgement:
    """Whether a reader of ``new`` reads what was written for ``old``. Both are of one language.

    :raises UnusableSchema: one of them cannot be used.
    """
    match new.type:
        case SchemaType.AVRO:
            parsed = [[avro_form.unwrapped(_parsed(each)) for each in _parts_of(text)] for text in (old, new)]
            (before, *befores), (after, *afters) = parsed
            return AvroJudge(tuple(befores), tuple(afters))(before, after)
        case SchemaType.JSON:
            verdict = JsonSchemaJudge(Policy(policy), Defaults.APPLIED, dialect=json_form.DIALECT)
            return verdict(*(_bundled(text, _parsed(text.text)) for text in (old, new)))
        case SchemaType.PROTOBUF:
            return ProtobufJudge()(*(compile_(as_source(text)) for text in (old, new)))


def as_source(text: Text) -> Text:
    """A Protobuf schema with all parts as source, whatever they were sent as."""
    parts = tuple((name, _source(each)) for name, each in text.references)
    return Text(text.type, _source(text.text), parts)


def _names(schema: Any, room: str) -> tuple[str, ...]:
    found = schema.get(room) if isinstance(schema, dict) else None
    if isinstance(found, list):
        return tuple(str(each["name"]) for each in found if isinstance(each, dict) and "name" in each)
    return tuple(found) if isinstance(found, dict) else ()


def _parts_of(text: Text) -> tuple[str, ...]:
    """The schema itself, and all that it refers to."""
    return (text.text, *(each for _, each in text.references))


def _check_defaults(schema: Any, references: list[Any]) -> None:
    """
    :raises UnusableSchema: a field's default is no value of its type.
    """
    form, known = avro_form.form_of(schema, normal=False), dict[str, Any]()
    for each in (*(avro_form.form_of(each, normal=False) for each in references), form):
        known |= avro_form.named_in(each)
    if place := wrong_default(form, known):
        raise UnusableSchema(f"the default at {place} is no value of its type", hint="give it one of that type")


def _resolved(schema: Any, references: list[Any]) -> str:
    try:
        return _compact(avro_form.resolved(schema, references))
    except RecursionError:
        return ""  # each part is shallow enough, all of them in each other are not


def _source(text: str) -> str:
    file = file_from_base64(text)
    return text if file is None else source_of(file)


def _bundled(text: Text, schema: Any) -> Any:
    return json_form.bundled(schema, [(name, _parsed(each)) for name, each in text.references])


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UnusableSchema(f"no JSON{place}", hint="escape the schema as one JSON string") from None


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
