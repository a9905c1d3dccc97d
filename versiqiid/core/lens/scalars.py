"""What a ``convert`` makes of the schema of one scalar member."""

from __future__ import annotations

from typing import TYPE_CHECKING

from versiqiid.core.lens.operations import is_type, scalar_text

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json
    from versiqiid.core.lens.operations import Convert

_KEPT = ("title", "description", "deprecated", "readOnly", "writeOnly", "$comment")


def converted(convert: Convert, schema: dict[str, Json]) -> Json | None:
    """The schema of the converted member, None when no value that ``schema`` lists is in the mapping.

    Values in ``enum`` and ``examples`` that the mapping does not name are left out: such documents fail.
    """
    mapped: dict[str, Json] = {name: schema[name] for name in _KEPT if name in schema}
    mapped["type"] = convert.destination_type
    for name in ("const", "default"):
        images = _images(convert, [schema[name]] if name in schema else [])
        if images:
            mapped[name] = images[0]
    for name in ("enum", "examples"):
        images = _images(convert, schema.get(name, []))
        if images:
            mapped[name] = images
    unmapped = any(name in schema and name not in mapped for name in ("const", "enum"))
    return None if unmapped else mapped


def _images(convert: Convert, values: list[Json]) -> list[Json]:
    images: list[Json] = []
    for value in values:
        if is_type(value, convert.source_type) and scalar_text(value) in convert.up:
            image = convert.up[scalar_text(value)]
            if image not in images:
                images.append(image)
    return images
