"""Why a document does not fit, by the reference validator jsonschema. It is asked only about documents that were
refused, and its word on *whether* they fit is not taken.

Its work is counted: a document on which it would take long gets the shorter explanation of the deciding validator.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import jsonschema_rs
from jsonschema import validators
from jsonschema.exceptions import best_match

from versiqiid.core.limits import pointer_token
from versiqiid.core.schema import engine
from versiqiid.core.schema.dialects import Dialect, dialect_of
from versiqiid.core.schema.keywords import KEYWORDS, WORDED, format_annotation, format_keyword
from versiqiid.core.schema.unevaluated import unevaluated_items, unevaluated_properties
from versiqiid.core.schema.wording import expectation
from versiqiid.core.violation import Violation
from versiqiid.errors import UnusableSchema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jsonschema.exceptions import ValidationError

    from versiqiid.core.canonical import Json
    from versiqiid.core.schema.compiled import CompiledSchema
    from versiqiid.core.schema.keywords import Keyword

STEPS_MAX: Final = 50_000
"""Keywords that the reference validator applies before it is stopped: about half a second of work."""

VIOLATIONS_MAX: Final = 1_000
"""Violations that are told of one document. Arbitrary, and more than anybody reads."""

_BASES: Final = {
    jsonschema_rs.Draft4: validators.Draft4Validator,
    jsonschema_rs.Draft6: validators.Draft6Validator,
    jsonschema_rs.Draft7: validators.Draft7Validator,
    jsonschema_rs.Draft201909: validators.Draft201909Validator,
    jsonschema_rs.Draft202012: validators.Draft202012Validator,
}

# By last segment of the vocabulary's URI: what a dialect that does not use it does not assert.
_VOCABULARIES: Final = {
    "validation": (
        "type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern "
        "maxItems minItems uniqueItems maxProperties minProperties required dependentRequired"
    ),
    "applicator": (
        "prefixItems items additionalItems contains additionalProperties properties patternProperties "
        "dependentSchemas propertyNames if allOf anyOf oneOf not"
    ),
    "unevaluated": "unevaluatedItems unevaluatedProperties",
}


class _EnoughError(Exception):
    """The reference validator has taken as many steps as it may."""


@dataclass(slots=True)
class _Steps:
    left: int


_steps: ContextVar[_Steps] = ContextVar("steps")


def explain(compiled: CompiledSchema, document: Json) -> tuple[Violation, ...]:
    """At least one violation of a document that the deciding validator refused, sorted, none twice."""
    token = _steps.set(_Steps(STEPS_MAX))
    try:
        errors = list(islice(reference_errors(compiled, document), VIOLATIONS_MAX))
        found = sorted(_marked(list(_violations(errors)), best_match(errors)), key=_order)
    except (_EnoughError, RecursionError):
        found = []
    finally:
        _steps.reset(token)
    if not found:
        found = sorted(_short(compiled, document), key=_order)
    return tuple(dict.fromkeys(found))[:VIOLATIONS_MAX]


def reference_errors(compiled: CompiledSchema, document: Json) -> Iterator[ValidationError]:
    """What the reference validator says of the document, lazily."""
    cls = _class_for(compiled.dialect, compiled.formats)
    validator: Any = cls(compiled.schema, _resolver=compiled.resolver)
    errors: Iterator[ValidationError] = validator.iter_errors(document)
    return errors


def _short(compiled: CompiledSchema, document: Json) -> Iterator[Violation]:
    """What the deciding validator itself has to say; ``islice`` stops it where nobody reads on."""
    for error in islice(compiled.validator.iter_errors(document), VIOLATIONS_MAX):
        keyword, value = engine.keyword_and_value(error.kind)
        message, place = expectation(keyword, value), engine.pointer(error.schema_path)
        yield Violation(engine.pointer(error.instance_path), keyword, message, place)


_Told: TypeAlias = "tuple[ValidationError, Violation]"


def _marked(told: list[_Told], best: ValidationError | None) -> list[Violation]:
    """The violations, of which one is marked: what ``best_match`` blames, or the nearest around it that is told."""
    known = {id(error) for error, _ in told}
    while best is not None and id(best) not in known:
        best = cast("ValidationError | None", best.parent)
    return [replace(violation, best=True) if error is best else violation for error, violation in told]


def _violations(errors: Iterable[ValidationError]) -> Iterator[_Told]:
    for error in errors:
        keyword = str(error.validator) if error.validator is not None else "false"
        message = error.message if keyword in WORDED else expectation(keyword, error.validator_value)
        alternatives = keyword in ("anyOf", "oneOf")
        nearest = _nearest(error.context or ()) if alternatives else []
        if alternatives:
            message = _combined(keyword, error, nearest)
        way = list(error.absolute_schema_path)
        if keyword in (
            "minContains",
            "maxContains",
        ):  # judged by ``contains``, which is where the library says it stands
            way[-1:] = [keyword]
        pointer, place = ("".join(map(pointer_token, steps)) for steps in (error.absolute_path, way))
        yield error, Violation(pointer, keyword, message, place)
        yield from _violations(nearest)


def _combined(keyword: str, error: ValidationError, nearest: list[ValidationError]) -> str:
    every = len(error.validator_value) if isinstance(error.validator_value, list) else 0
    if not nearest:
        return f"expected exactly one of {every} alternatives to fit, and more than one does"
    wanted = "exactly" if keyword == "oneOf" else "at least"
    return f"expected {wanted} one of {every} alternatives to fit; the nearest is number {_branch(nearest[0]) + 1}"


def _branch(error: ValidationError) -> int:
    return int(error.relative_schema_path[0])


def _nearest(context: Iterable[ValidationError]) -> list[ValidationError]:
    """The errors of the alternative that was most likely meant.

    One whose type or whose fixed values (a discriminator) fit is nearer than one where they do not; then fewer errors
    are nearer than more; then the first one written.
    """
    branches: dict[int, list[ValidationError]] = {}
    for error in context:
        branches.setdefault(_branch(error), []).append(error)
    return min(branches.values(), key=_distance, default=[])


def _distance(errors: list[ValidationError]) -> tuple[int, int, int, int]:
    wrong_type = sum(error.validator in ("type", None) and not error.relative_path for error in errors)
    wrong_kind = sum(error.validator in ("const", "enum") and len(error.relative_path) <= 1 for error in errors)
    return wrong_type, wrong_kind, len(errors), _branch(errors[0])


def _order(violation: Violation) -> tuple[tuple[tuple[int, int, str], ...], str, str, bool]:
    """By place, elements of an array by their number; then by keyword and wording; of equal ones the marked first."""
    tokens = violation.pointer.split("/")
    place = tuple((0, int(t), "") if t.isascii() and t.isdigit() else (1, 0, t) for t in tokens)
    return place, violation.keyword, violation.message, not violation.best


def _counted(keyword: Keyword) -> Keyword:
    def apply(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        steps = _steps.get(None)
        if steps is not None:
            steps.left -= 1
            if steps.left < 0:
                raise _EnoughError
        return keyword(validator, value, instance, schema) or iter(())

    return apply


def _stepping(name: str, keyword: Keyword) -> Keyword:
    """A reference as a step of the way through the schema: the library leaves it out, and such a way leads nowhere."""

    def apply(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        for error in keyword(validator, value, instance, schema) or ():
            error.schema_path.appendleft(name)
            yield error

    return apply


@lru_cache(maxsize=64)
def _class_for(dialect: Dialect, formats: bool) -> Any:
    """The reference validator's class for a dialect, with our keywords, and staying ours wherever it goes."""
    base = _BASES[dialect.draft]
    ours: dict[str, Any] = {name: keyword for name, keyword in KEYWORDS.items() if name in base.VALIDATORS}
    ours["dependencies"] = KEYWORDS["dependencies"]
    asserted = formats or "format-assertion" in (dialect.vocabularies or ())
    ours["format"] = format_keyword(dialect.draft) if asserted else format_annotation
    if "unevaluatedProperties" in base.VALIDATORS:
        ours["unevaluatedProperties"] = unevaluated_properties
        ours["unevaluatedItems"] = unevaluated_items
    applied = {name: _counted(keyword) for name, keyword in {**base.VALIDATORS, **ours}.items()}
    applied |= {name: _stepping(name, applied[name]) for name in ("$ref", "$dynamicRef") if name in applied}
    unused = [name for name in _VOCABULARIES if dialect.vocabularies is not None and name not in dialect.vocabularies]
    for name in unused:
        for keyword in _VOCABULARIES[name].split():
            applied.pop(keyword, None)
    cls: Any = validators.create(
        meta_schema=base.META_SCHEMA,
        validators=applied,
        type_checker=base.TYPE_CHECKER,
        id_of=cast("Any", base.ID_OF),
        applicable_validators=_applicable(dialect),
    )
    cls.DIALECT = dialect

    def evolve(self: Any, *, schema: Json, _resolver: Any = None) -> Any:
        """For a subschema: of the same class, unless it declares another dialect.

        The library would look ``$schema`` up among its own classes, and go on without our keywords.
        """
        kind = cls
        if isinstance(schema, dict) and "$schema" in schema:
            try:
                kind = _class_for(dialect_of(schema, {}, dialect), formats)
            except UnusableSchema:
                kind = cls
        return kind(schema, _resolver=self._resolver if _resolver is None else _resolver)

    cls.evolve = evolve
    cls.descend = _descend
    return cls


def _descend(  # noqa: PLR0917  # the library calls it this way
    self: Any, instance: Json, schema: Json, path: Any = None, schema_path: Any = None, resolver: Any = None
) -> Iterator[ValidationError]:
    """The errors of a subschema, with the way to it.

    The library's own forgets the way where the subschema is ``false``, and reads the keywords of a subschema of another
    dialect by the rules of this one.
    """
    if resolver is None:
        resolver = self._resolver.in_subresource(self.DIALECT.specification.create_resource(schema))
    for error in self.evolve(schema=schema, _resolver=resolver).iter_errors(instance):
        if path is not None:
            error.path.appendleft(path)
        if schema_path is not None:
            error.schema_path.appendleft(schema_path)
        yield error


def _applicable(dialect: Dialect) -> Any:
    if not dialect.reference_hides_siblings:
        return dict.items
    return lambda schema: [("$ref", schema["$ref"])] if "$ref" in schema else schema.items()
