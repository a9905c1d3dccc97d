"""Rows on standard output: table, wide, json, yaml or name; and values as they are."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Pages = Callable[[Callable[[list[Any]], None]], None]
"""Calls what it is given with each page of rows, in order."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What is shown of each row.

    :ivar table: shown in a table. :ivar wide: shown beside them in a wide one.
    :ivar name: what ``-o name`` prints of each row: something that other commands take.
    """

    table: tuple[str, ...]
    wide: tuple[str, ...] = ()
    name: str = ""


def show(rows: Any, columns: Columns, form: str) -> None:
    """Print rows.

    :param rows: a list of objects, or one object.
    :param form: table | wide | json | yaml | name. In JSON and YAML the rows are whole.
    """
    match form:
        case "json":
            print(json.dumps(rows, indent=2, ensure_ascii=False))
        case "yaml":
            _yaml(rows)
        case "name":
            for row in _listed(rows):
                print(_text(row.get(columns.name or columns.table[0])))
        case _:
            _table(_listed(rows), [*columns.table, *columns.wide] if form == "wide" else list(columns.table))


def show_pages(pages: Pages, columns: Columns, form: str) -> None:
    """Print rows that come in pages; as JSON without ever holding more than one of them."""
    if form != "json":
        rows: list[Any] = []
        pages(rows.extend)
        show(rows, columns, form)
        return
    begun = False

    def page(rows: list[Any]) -> None:
        nonlocal begun
        for row in rows:
            text = json.dumps(row, indent=2, ensure_ascii=False).replace("\n", "\n  ")
            print(",\n  " if begun else "[\n  ", text, sep="", end="")
            begun = True

    pages(page)
    print("\n]" if begun else "[]")


def raw(value: bytes) -> None:
    """Print a value byte for byte; on a terminal, end its last line."""
    sys.stdout.flush()
    sys.stdout.buffer.write(value)
    if sys.stdout.isatty() and not value.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def _listed(rows: Any) -> list[Mapping[str, Any]]:
    return list(rows) if isinstance(rows, list | tuple) else [rows]


def _yaml(rows: Any) -> None:
    from ruamel.yaml import YAML  # noqa: PLC0415 - only this form pays for it

    writer = YAML()
    writer.default_flow_style = False
    writer.dump(rows, sys.stdout)


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Plain columns with two blanks between, as people cut and paste them; no colours, so ``NO_COLOR`` holds."""
    lines = [[column.upper() for column in columns], *([_text(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _text(value: Any) -> str:
    """One cell. What would steer a terminal is shown, not sent: a reason may quote what a migration said."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in str(value))
