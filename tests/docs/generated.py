"""The parts of ``docs/`` that say what the code says already: written from it, and compared with it by a test.

``python -m tests.docs.generated`` writes them anew when a setting, metric, command, entry type or endpoint has changed.
What stands between ``<!-- generated: NAME -->`` and ``<!-- end of NAME -->`` belongs to it; all the rest to people.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click

from tests.e2e.processes import Daemon
from versiqiid.__main__ import main as daemon_commands
from versiqiid.__main__ import setting_help
from versiqiid.adapters.prometheus import METRICS
from versiqiid.cli.app import cli
from versiqiid.core.events.catalogue import CATALOGUE, topics_of
from versiqiid.settings import ROLES, Settings

DOCS = Path(__file__).parents[2] / "docs"

_COMPUTED = {
    "data_dir": "`$STATE_DIRECTORY`, else `~/.local/state/versiqiid`",
    "store": "a file in `data-dir`",
    "journal": "a file in `data-dir`",
    "name": "the host name",
    "role": f"`{','.join(ROLES)}`",
    "agent": "idle",
    "kafka_client": "none",
    "imports": "none",
    "public_url": "from `listen`",
    "log_origin": "made at the first start",
    "vault_auth_mount": "the method's name",
}
_LISTED_MAX = 8


def row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    return "\n".join([row(*heads), "|" + "---|" * len(heads), *(row(*cells) for cells in rows)])


# -------------------------------------------------------------------------------------------------------- settings


def settings() -> str:
    """A row for each setting of ``versiqiid run``."""
    words = setting_help()

    def rows() -> Iterator[tuple[str, ...]]:
        for name, field in Settings.model_fields.items():
            yield f"`{name.replace('_', '-')}`", _default(name, field), _values(field), words[name]

    return table(("setting", "default", "values", "meaning"), rows())


def _default(name: str, field: Any) -> str:
    if name in _COMPUTED:
        return _COMPUTED[name]
    if field.default in ("", None):
        return "none"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"


def _values(field: Any) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    signs = {"gt": "over", "ge": "from", "le": "to", "lt": "under"}
    limits = [f"{signs[n]} {getattr(m, n):g}" for m in field.metadata for n in signs if hasattr(m, n)]
    kinds = {bool: "`true`, `false`", Path: "path", Path | None: "path", float: "number", str: "text"}
    return " ".join([kinds.get(field.annotation, ""), *limits]).strip()


# --------------------------------------------------------------------------------------------------------- metrics


def metrics() -> str:
    """A row for each metric."""

    def labels(spec: Any) -> str:
        return "; ".join(f"`{name}`: {_listed(values)}" for name, values in spec.labels.items()) or "–"

    rows = ((f"`{spec.name}`", str(spec.kind.value), labels(spec), spec.help) for spec in METRICS.values())
    return table(("metric", "kind", "labels", "meaning"), rows)


def _listed(values: tuple[str, ...] | None) -> str:
    if values is None:
        return "one value"
    if len(values) > _LISTED_MAX:  # such as error codes: which there are is another page's matter
        return "a bounded list"
    return ", ".join(f"`{value}`" for value in values)


# ---------------------------------------------------------------------------------------------------------- events


def entry_types() -> str:
    """A row for each entry type."""

    def rows() -> Iterator[tuple[str, ...]]:
        for kind in CATALOGUE.values():
            members = ", ".join(f"`{name}`" for name in kind.data)
            yield f"`{kind.name}`", kind.summary, ", ".join(topic.value for topic in topics_of(kind.name)), members

    return table(("type", "what it says", "topics", "typed members of `data`"), rows())


# -------------------------------------------------------------------------------------------------------- commands


def commands() -> str:
    """Every command of both programs with its options."""
    return "\n\n".join(_section(path, command) for path, command in leaves())


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its full name."""
    yield from _walk("versiqii", cli, None)
    yield from _walk("versiqiid", daemon_commands, None)


def _walk(path: str, command: click.Command, parent: click.Context | None) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent)
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from _walk(f"{path} {name}", found, context)


def _section(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    told = " ".join((command.help or "").split())
    parts = [f"### {path}", f"`{usage}`", told]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    if path == "versiqiid run":
        parts.append("Its options are all of [settings.md](settings.md), and `--config FILE`.")
    elif options:
        parts.append(table(("option", "meaning"), ((_option(option), _meaning(option)) for option in options)))
    return "\n\n".join(parts)


def _option(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" `{option.metavar or option.type.name.upper()}`"
    return names + value


def _meaning(option: click.Option) -> str:
    told = [option.help or option.name.replace("_", " ").capitalize() + "." if option.name else ""]
    if isinstance(option.type, click.Choice):
        told.append("One of " + ", ".join(f"`{choice}`" for choice in option.type.choices) + ".")
    if option.required:
        told.append("Required.")
    if option.show_default and option.default is not None:
        told.append(f"Default: `{option.default}`.")
    return " ".join(told)


# ------------------------------------------------------------------------------------------------------- endpoints


def endpoints(openapi: dict[str, Any]) -> str:
    """A row for each operation of the OpenAPI document."""

    def rows() -> Iterator[tuple[str, ...]]:
        for path, operations in openapi["paths"].items():
            for method, operation in operations.items():
                given = (p for p in operation.get("parameters", []) if p["in"] != "path")
                asked = ", ".join(f"`{p['name']}`" for p in given) or "–"
                yield f"`{method.upper()} {path}`", operation["summary"], asked

    return table(("request", "what it does", "query parameters and headers"), rows())


# ---------------------------------------------------------------------------------------------------------- pages

SECTIONS: dict[str, tuple[str, Callable[[], str]]] = {
    "settings": ("settings.md", settings),
    "metrics": ("metrics.md", metrics),
    "entry types": ("events.md", entry_types),
    "commands": ("cli.md", commands),
}
"""Name of the section → its page, and what it must say. ``endpoints`` needs a daemon and comes apart."""

ENDPOINTS = ("endpoints", "rest.md")


def section(page: str, name: str) -> str:
    """What stands in a generated section now.

    :raises AssertionError: the page has no such section.
    """
    found = re.search(_pattern(name), page, re.DOTALL)
    assert found, f"no section `{name}`"
    return found[2].strip()


def written(page: str, name: str, text: str) -> str:
    """The page with the section's text replaced."""
    section(page, name)
    return re.sub(_pattern(name), lambda m: f"{m[1]}\n\n{text}\n\n{m[3]}", page, flags=re.DOTALL)


def _pattern(name: str) -> str:
    return rf"(<!-- generated: {name} -->)(.*?)(<!-- end of {name} -->)"


def main() -> None:
    for name, (page, make) in SECTIONS.items():
        _rewrite(DOCS / page, name, make())
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder)).start()
        try:
            with daemon.client() as client:
                openapi = client.get("/openapi.json").json()
        finally:
            daemon.close()
    name, page = ENDPOINTS
    _rewrite(DOCS / page, name, endpoints(openapi))


def _rewrite(page: Path, name: str, text: str) -> None:
    before = page.read_text(encoding="utf-8")
    after = written(before, name, text)
    if after != before:
        page.write_text(after, encoding="utf-8")
        print(f"{page.name}: {name} written")


if __name__ == "__main__":
    main()
