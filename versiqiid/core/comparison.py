"""One pair of schema texts and the terms by which they are compared: the door to the three languages.

The values here go to another process and back as JSON, because a comparison may take long and must be ended then; that
process is the business of ``adapters/validation``. What a judgement says is ``core/compatibility``'s.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from versiqiid.core.compatibility import Basis, Broken, Difference, Judgement, Live, Side, Witness
from versiqiid.core.compatibility.verdict import undecided
from versiqiid.core.document import read
from versiqiid.core.violation import Violation
from versiqiid.errors import InvalidInput, UnusableSchema

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from versiqiid.core.canonical import Json

UNDECIDED = Judgement(
    compatible=False,
    basis=Basis.UNDECIDED,
    differences=(undecided("make the schemas simpler: fewer alternatives that refer to each other"),),
)
"""The judgement on a pair that took more work than it may."""


@dataclass(frozen=True, slots=True)
class Text:
    """A schema as it is registered.

    :ivar references: name → further texts that it may refer to, in order: a JSON Schema by address, an Avro schema by
        full name, a Protobuf file by its path.
    """

    raw: bytes
    references: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """Whether a reader of ``new`` reads what was written for ``old``, and by which terms that is judged.

    :ivar formats: whether ``format`` is asserted.
    :ivar dialect: what a JSON Schema speaks that declares none; None = draft 2020-12.
    :ivar json_form: whether Protobuf messages are kept in the JSON mapping, as configs are, and not on the wire.
    :ivar live: documents that are really stored.
    """

    language: str
    old: Text
    new: Text
    policy: str = "STRICT"
    defaults: str = "ignored"
    formats: bool = False
    dialect: str | None = None
    json_form: bool = True
    live: tuple[Live, ...] = ()


Compile: TypeAlias = Callable[[str, str, Mapping[str, str]], bytes]
"""The Protobuf compiler: name, source and imports by name → a serialized ``FileDescriptorSet``."""


def judged(pair: Pair, compile_: Compile) -> Judgement:
    """The judgement by the judge of the pair's language. It has no limit of time: who cannot trust the schemas asks in
    a process that can be ended.

    :raises UnusableSchema: one of them is no schema of the language.
    """
    match pair.language:
        case "json-schema":
            return _json_schema(pair)
        case "avro":
            return _avro(pair)
        case "protobuf":
            return _protobuf(pair, compile_)
        case _:
            raise UnusableSchema(f"no schema language: {pair.language!r}")


def check_text(language: str, text: Text, compile_: Compile) -> None:
    """Return when the text is a schema of its language that can be compared.

    :raises UnusableSchema: it is not.
    """
    if language == "json-schema":
        from versiqiid.core.schema import compile_schema  # noqa: PLC0415 - as below

        compile_schema(_value(text.raw), formats=False, registry=_remotes(text))
    elif language == "avro":
        from versiqiid.core.compatibility.avro.reading import read as read_avro  # noqa: PLC0415 - as below

        read_avro(_value(text.raw), [_value(raw) for _, raw in text.references])
    elif language == "protobuf":
        _compiled(text, compile_)


def _json_schema(pair: Pair) -> Judgement:
    from versiqiid.core.compatibility.json_schema import (  # noqa: PLC0415 - others need not load it
        Defaults,
        JsonSchemaJudge,
        Policy,
    )

    judge = JsonSchemaJudge(
        Policy(pair.policy),
        Defaults(pair.defaults),
        pair.formats,
        pair.dialect,
        _remotes(pair.old) | _remotes(pair.new),
        pair.live,
    )
    return judge(_value(pair.old.raw), _value(pair.new.raw))


def _avro(pair: Pair) -> Judgement:
    from versiqiid.core.compatibility.avro import AvroJudge  # noqa: PLC0415 - others need not load it
    from versiqiid.core.compatibility.avro.samples import samples  # noqa: PLC0415
    from versiqiid.core.compatibility.showing import shown  # noqa: PLC0415
    from versiqiid.core.schema.avro import compile_avro  # noqa: PLC0415

    before, after = (tuple(_value(raw) for _, raw in text.references) for text in (pair.old, pair.new))
    old, new = _value(pair.old.raw), _value(pair.new.raw)
    judgement = AvroJudge(old_references=before, new_references=after)(old, new)
    writer, reader = compile_avro(old, before), compile_avro(new, after)
    try:
        return shown(judgement, writer, reader, samples(writer.root), pair.live)
    except UnusableSchema:  # unions of unions without end: the verdict stands without a document
        return judgement


def _protobuf(pair: Pair, compile_: Compile) -> Judgement:
    from versiqiid.core.compatibility.protobuf import Encoding, ProtobufJudge  # noqa: PLC0415 - others need not load it
    from versiqiid.core.compatibility.protobuf.samples import samples  # noqa: PLC0415
    from versiqiid.core.compatibility.showing import shown  # noqa: PLC0415
    from versiqiid.core.schema.protobuf import compile_protobuf, messages_of  # noqa: PLC0415

    encoding = Encoding.WIRE_JSON if pair.json_form else Encoding.WIRE
    old, new = _compiled(pair.old, compile_), _compiled(pair.new, compile_)
    judgement = ProtobufJudge(encoding)(old, new)
    if judgement.compatible or not pair.json_form:
        return judgement
    for message in messages_of(old):
        try:
            writer, reader = (compile_protobuf(side, message) for side in (old, new))
        except UnusableSchema:  # the message is gone, and nobody can say what its documents would be read as
            continue
        found = shown(judgement, writer, reader, samples(writer.message.DESCRIPTOR))
        if found.witness is not None:
            return found
    return judgement


def _compiled(text: Text, compile_: Compile) -> bytes:
    imports = {name: _source(raw) for name, raw in text.references}
    return compile_(own_name(imports), _source(text.raw), imports)


def own_name(imports: Container[str]) -> str:
    """What a Protobuf schema itself is called beside those that it imports."""
    name = "schema.proto"
    while name in imports:
        name = f"_{name}"
    return name


def _source(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableSchema("no Protobuf schema: not UTF-8 text", hint="save the file as UTF-8") from error


def _remotes(text: Text) -> dict[str, Json]:
    return {name: _value(raw) for name, raw in text.references}


def _value(raw: bytes) -> Json:
    try:
        return read(raw)
    except InvalidInput as error:
        raise UnusableSchema(f"no document: {error.message}", hint=error.hint) from error


# ------------------------------------------------------------------------------------------------ there and back again


def pair_json(pair: Pair) -> dict[str, Any]:
    """The pair as JSON, for another process."""
    return {
        "language": pair.language,
        "old": text_json(pair.old),
        "new": text_json(pair.new),
        "policy": pair.policy,
        "defaults": pair.defaults,
        "formats": pair.formats,
        "dialect": pair.dialect,
        "json_form": pair.json_form,
        "live": [[live.name, live.document] for live in pair.live],
    }


def pair_of(told: dict[str, Any]) -> Pair:
    """The pair that ``pair_json`` told."""
    old, new = text_of(told["old"]), text_of(told["new"])
    live = tuple(Live(name, document) for name, document in told["live"])
    return Pair(**told | {"old": old, "new": new, "live": live})


def judgement_json(judgement: Judgement) -> dict[str, Any]:
    """A judgement as people's programs get it."""
    witness = judgement.witness
    return {
        "compatible": judgement.compatible,
        "basis": judgement.basis.value,
        "differences": [
            {
                "rule": each.rule,
                "pointer": each.pointer,
                "side": each.side.value,
                "breaking": each.breaking,
                "message": each.message,
                "fix": each.fix,
            }
            for each in judgement.differences
        ],
        "witness": None
        if witness is None
        else {
            "document": witness.document,
            "violations": violations_json(witness.violations),
            "name": witness.name,
        },
        "broken": [{"name": each.name, "violations": violations_json(each.violations)} for each in judgement.broken],
    }


def judgement_of(told: dict[str, Any]) -> Judgement:
    """The judgement that ``judgement_json`` told."""
    witness = told["witness"]
    return Judgement(
        told["compatible"],
        Basis(told["basis"]),
        tuple(Difference(**each | {"side": Side(each["side"])}) for each in told["differences"]),
        None
        if witness is None
        else Witness(witness["document"], _violations_of(witness["violations"]), witness["name"]),
        tuple(Broken(each["name"], _violations_of(each["violations"])) for each in told["broken"]),
    )


def violations_json(violations: Sequence[Violation]) -> list[dict[str, str]]:
    return [{"pointer": v.pointer, "keyword": v.keyword, "message": v.message} for v in violations]


def _violations_of(told: list[dict[str, str]]) -> tuple[Violation, ...]:
    return tuple(Violation(each["pointer"], each["keyword"], each["message"]) for each in told)


def text_json(text: Text) -> dict[str, Any]:
    """Bytes as they are: what is no text of its language is told by its judge, not here."""
    return {"raw": _encoded(text.raw), "references": [[name, _encoded(raw)] for name, raw in text.references]}


def text_of(told: dict[str, Any]) -> Text:
    references = tuple((name, base64.b64decode(raw)) for name, raw in told["references"])
    return Text(base64.b64decode(told["raw"]), references)


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
