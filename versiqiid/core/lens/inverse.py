"""A lens backwards, and what is lost on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from versiqiid.core.lens import operations as op
from versiqiid.core.lens.operations import is_lossy
from versiqiid.core.limits import pointer_token

if TYPE_CHECKING:
    Tokens = tuple[str, ...]


def invert(lens: op.Lens) -> op.Lens:
    """The lens that undoes this one: each operation's inverse, in the opposite order. Inverting twice changes nothing.

    ``apply(invert(lens), apply(lens, document)) == document`` for every document that the lens takes, when
    :func:`lossy_pointers` of the lens is empty.
    """
    return tuple(_inverse(operation) for operation in reversed(lens))


def lossy_pointers(lens: op.Lens) -> tuple[str, ...]:
    """Where a document loses something that the inverse cannot bring back: JSON Pointers into the document that goes
    in, sorted, none of them inside another. Empty for a lossless lens.

    ``remove``, ``head`` and a ``convert`` that is not injective lose what stands there (a ``convert`` whose way down
    does not lead back counts too). A pointer cannot say "each element", so a loss inside an array names the array.
    What the lens lost of a member that it had added is named as it was added: the document loses nothing by it, but the
    way back may need it.
    """
    lost = sorted(_lost(lens))
    kept: list[Tokens] = []
    for tokens in lost:
        if not kept or tokens[: len(kept[-1])] != kept[-1]:
            kept.append(tokens)
    return tuple("".join(map(pointer_token, tokens)) for tokens in kept)


def _inverse(operation: op.Operation) -> op.Operation:  # noqa: C901, PLR0911 - one line for each operation
    match operation:
        case op.Rename(source, destination):
            return op.Rename(destination, source)
        case op.Add(name, types, default):
            return op.Remove(name, types, default)
        case op.Remove(name, types, default):
            return op.Add(name, types, default)
        case op.Hoist(host, name):
            return op.Plunge(host, name)
        case op.Plunge(host, name):
            return op.Hoist(host, name)
        case op.Wrap(name):
            return op.Head(name)
        case op.Head(name):
            return op.Wrap(name)
        case op.In(name, lens):
            return op.In(name, invert(lens))
        case op.Map(lens):
            return op.Map(invert(lens))
        case op.Convert(name, up, down, source_type, destination_type):
            return op.Convert(name, down, up, destination_type, source_type)
        case _:  # pragma: no cover - the type checker proves that this is unreachable
            assert_never(operation)


def _lost(lens: op.Lens) -> set[Tokens]:
    """What the operations lose, called as it is called before the lens."""
    lost: set[Tokens] = set()
    for operation in reversed(lens):
        lost = {earlier for tokens in lost for earlier in _before(operation, tokens)} | _lost_by(operation)
    return lost


def _lost_by(operation: op.Operation) -> set[Tokens]:
    match operation:
        case op.Remove(name) | op.Head(name):
            return {(name,)}
        case op.Convert(name):
            return {(name,)} if is_lossy(operation) else set()
        case op.In(name, lens):
            return {(name, *tokens) for tokens in _lost(lens)}
        case op.Map(lens):
            return {()} if _lost(lens) else set()
        case _:
            return set()


def _before(operation: op.Operation, tokens: Tokens) -> set[Tokens]:
    """What this place was called before the operation; a place that it joined of two was both."""
    match operation:
        case op.Rename(source, destination) if tokens[:1] == (destination,):
            return {(source, *tokens[1:])}
        case op.Hoist(host, name) if tokens[:1] == (name,):
            return {(host, *tokens)}
        case op.Plunge(host, name) if tokens == (host,):
            return {(host,), (name,)}
        case op.Plunge(host, name) if tokens[:2] == (host, name):
            return {tokens[1:]}
        case op.In(name, lens) if tokens[:1] == (name,):
            inside = {tokens[1:]}
            for earlier in reversed(lens):
                inside = {before for place in inside for before in _before(earlier, place)}
            return {(name, *place) for place in inside}
        case _:
            # Nothing is lost below an array but by a map, which names the array, and what a head leaves is lost whole.
            return {tokens}
