"""A document as a flat list of scalars with their paths, for formats that know names and values only."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from versiqiid.core.canonical import Json, canonical
from versiqiid.core.limits import pointer_token
from versiqiid.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

Path: TypeAlias = tuple[str | int, ...]
Scalar: TypeAlias = bool | int | float | str


def inexpressible(path: Path, what: str, form: str, *, hint: str = "") -> InvalidInput:
    """The error for what a format cannot say; its message begins with the pointer and quotes no value."""
    return InvalidInput(f"{pointer(path) or '(root)'}: {what} cannot be written as {form}", hint=hint)


def pointer(path: Path) -> str:
    return "".join(pointer_token(step) for step in path)


def root_object(value: Json, form: str) -> dict[str, Json]:
    """The root, when it has names.

    :raises InvalidInput: the root is not an object.
    """
    if not isinstance(value, dict):
        raise inexpressible((), "a root that is no object", form)
    return value


def scalars(value: Json, form: str, path: Path = ()) -> Iterator[tuple[Path, Scalar]]:
    """Every scalar with its path, in document order.

    :raises InvalidInput: null, or an empty object or array: a flat list would lose them without a trace.
    """
    if value is None:
        raise inexpressible(path, "null", form, hint="Leave the member out.")
    if isinstance(value, dict | list):
        if not value and path:
            raise inexpressible(path, f"an empty {'object' if isinstance(value, dict) else 'array'}", form)
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        for step, item in steps:
            yield from scalars(item, form, (*path, step))
        return
    yield path, value


def scalar_text(value: Scalar) -> str:
    """``true``, ``false``, a number as JSON writes it, or the text itself."""
    return value if isinstance(value, str) else canonical(value).decode()


def unique(names: Iterator[tuple[str, Path, Scalar]], form: str) -> Iterator[tuple[str, Scalar]]:
    """Pass names and values through.

    :raises InvalidInput: two paths lead to one name; both pointers are named.
    """
    seen: dict[str, Path] = {}
    for name, path, value in names:
        if name in seen:
            raise inexpressible(
                path, f"a name that {pointer(seen[name])} has already", form, hint="Rename one of them."
            )
        seen[name] = path
        yield name, value
