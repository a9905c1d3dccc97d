"""A lens backwards, and what is lost on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from versiqiid.core.lens.operations import (
    Add,
    Convert,
    Head,
    Hoist,
    In,
    Lens,
    Map,
    Operation,
    Plunge,
    Remove,
    Rename,
    Wrap,
    is_lossy,
)
from versiqiid.core.limits import pointer_token

if TYPE_CHECKING:
    Tokens = tuple[str, ...]


def invert(lens: Lens) -> Lens:
    """The lens that undoes this one: each operation's inverse, in the opposite order. Inverting twice changes nothing.

    ``apply(invert(lens), apply(lens, document)) == document`` for every document that the lens takes, when
    :func:`lossy_pointers` of the lens is empty.
    """
    return tuple(_inverse(operation) for operation in reversed(lens))


def lossy_pointers(lens: Lens) -> tuple[str, ...]:
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


def _inverse(operation: Operation) -> Operation:  # noqa: C901, PLR0911 - one line for each operation
    match operation:
        case Rename(source, destination):
            return Rename(destination, source)
        case Add(name, types, default):
            return Remove(name, types, default)
        case Remove(name, types, default):
            return Add(name, types, default)
        case Hoist(host, name):
            return Plunge(host, name)
        case Plunge(host, name):
            return Hoist(host, name)
        case Wrap(name):
            return Head(name)
        case Head(name):
            return Wrap(name)
        case In(name, lens):
            return In(name, invert(lens))
        case Map(lens):
            return Map(invert(lens))
        case Convert(name, up, down, source_type, destination_type):
            return Convert(name, down, up, destination_type, source_type)
        case _:  # pragma: no cover - the type checker proves that this is unreachable
            assert_never(operation)


def _lost(lens: Lens) -> set[Tokens]:
    """What the operations lose, called as it is called before the lens."""
    lost: set[Tokens] = set()
    for operation in reversed(lens):
        lost = {earlier for tokens in lost for earlier in _before(operation, tokens)} | _lost_by(operation)
    return lost


def _lost_by(operation: Operation) -> set[Tokens]:
    match operation:
        case Remove(name) | Head(name):
            return {(name,)}
        case Convert(name):
            return {(name,)} if is_lossy(operation) else set()
        case In(name, lens):
            return {(name, *tokens) for tokens in _lost(lens)}
        case Map(lens):
            return {()} if _lost(lens) else set()
        case _:
            return set()


def _before(operation: Operation, tokens: Tokens) -> set[Tokens]:
    """What this place was called before the operation; a place that it joined of two was both."""
    match operation:
        case Rename(source, destination) if tokens[:1] == (destination,):
            return {(source, *tokens[1:])}
        case Hoist(host, name) if tokens[:1] == (name,):
            return {(host, *tokens)}
        case Plunge(host, name) if tokens == (host,):
            return {(host,), (name,)}
        case Plunge(host, name) if tokens[:2] == (host, name):
            return {tokens[1:]}
        case In(name, lens) if tokens[:1] == (name,):
            inside = {tokens[1:]}
            for earlier in reversed(lens):
                inside = {before for place in inside for before in _before(earlier, place)}
            return {(name, *place) for place in inside}
        case _:
            # Nothing is lost below an array but by a map, which names the array, and what a head leaves is lost whole.
            return {tokens}
