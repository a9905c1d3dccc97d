"""Rows on standard output: table, wide, json, yaml or name."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def show(rows: Any, columns: Sequence[str], wide: Sequence[str], form: str) -> None:
    """Print rows.

    :param rows: a list of objects, or one object. :param columns: shown in a table; ``wide``: more of them.
    :param form: table | wide | json | yaml | name; ``name`` prints the first column alone.
    """
    match form:
        case "json":
            print(json.dumps(rows, indent=2, ensure_ascii=False))
        case "yaml":
            _yaml(rows)
        case "name":
            for row in _listed(rows):
                print(_text(row.get(columns[0])) if columns else "")
        case _:
            _table(_listed(rows), [*columns, *wide] if form == "wide" else list(columns))


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
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)
