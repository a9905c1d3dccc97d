"""The command tree, loaded lazily, and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any, ClassVar

import click

from versiqiid import __version__
from versiqiid.cli.exits import Exit, code_of
from versiqiid.errors import VersiqiiError

# command → (module in commands/, attribute, one line for --help)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "audit": ("audit", "audit", "List, verify, prove and export the journal."),
    "bindings": ("bindings", "bindings", "Bind configs to environments."),
    "completion": ("completion", "completion", "Print the completion script of a shell."),
    "configs": ("configs", "configs", "Write configs; their history, past states and differences."),
    "doctor": ("doctor", "doctor", "Say what is wrong and what to do about it."),
    "drifts": ("drifts", "drifts", "What should be and is not."),
    "env": ("env", "env", "Which version runs where."),
    "families": ("families", "families", "Groups of targets that share schemas."),
    "graphs": ("graphs", "graphs", "Which target versions get on, and in which order to upgrade."),
    "kv": ("kv", "kv", "Keys as they are, through the daemon or offline with --store."),
    "map": ("map", "map_", "A config of one environment, as another one's version needs it."),
    "migrations": ("migrations", "migrations", "Write, try and register what leads from schema to schema."),
    "regions": ("env", "regions", "The same as env, in the words of regions and engines."),
    "rollback": ("rollback", "rollback", "Move a config, a binding or an environment back."),
    "search": ("search", "search", "Find journal entries by words in them and in their documents."),
    "schemas": ("schemas", "schemas", "Register schemas, judge them, and lead them through their life."),
    "state": ("state", "state", "All keys as they were at a time."),
    "status": ("status", "status", "How every binding stands."),
    "targets": ("targets", "targets", "What has a version, and which schema each version reads."),
    "trace": ("trace", "trace", "One correlation id through code, configuration, state, events and decision."),
    "validate": ("validate", "validate", "Judge a config without storing it."),
}


class Lazy(click.Group):
    """Knows its commands by name and imports one when it is asked for."""

    known: ClassVar[dict[str, tuple[str, str, str]]] = COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(self.known)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in self.known:
            return None
        module, attribute, _ = self.known[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"versiqiid.cli.commands.{module}"), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.known[name][2]) for name in self.list_commands(ctx)])


_EPILOG = """\b
Exit codes: 0 ok, 1 failed, 2 different (--detailed-exitcode), 3 invalid or refused,
4 forbidden, 5 conflict, 6 not found, 64 usage, 75 try again, 130 interrupted."""


@click.group(
    cls=Lazy, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option("--addr", envvar="VERSIQII_ADDR", default="http://127.0.0.1:8080", show_default=True, help="The daemon.")
@click.option("--token-file", envvar="VERSIQII_TOKEN_FILE", help="File with the API token; else VERSIQII_TOKEN.")
@click.option(
    "-o",
    "--output",
    envvar="VERSIQII_FORMAT",
    type=click.Choice(["table", "wide", "json", "yaml", "name"]),
    help="How to print; default: table. May stand anywhere.",
)
@click.option("--correlation-id", help="Goes through all layers; default: made by the daemon.")
@click.option(
    "--git-commit", help="The commit that a change comes from; default: as CI systems tell in the environment."
)
@click.option("--git-repository", help="Its repository; likewise.")
@click.option("--git-path", help="The file in it; default: VERSIQII_GIT_PATH.")
@click.version_option(__version__, prog_name="versiqii")
@click.pass_context
def cli(
    ctx: click.Context,
    /,
    addr: str,
    token_file: str | None,
    output: str | None,
    correlation_id: str | None,
    **git: str | None,
) -> None:
    """Configuration that always fits the version that is actually running.

    Data goes to standard output, everything else to standard error.
    """
    from versiqiid.cli.session import Session  # noqa: PLC0415

    place = {name.removeprefix("git_"): value for name, value in git.items()}
    ctx.obj = Session(addr=addr, token_file=token_file, output=output, correlation_id=correlation_id, git=place)


def main() -> None:
    """The console script: runs a command and exits with a code of the table in ``exits.py``."""
    sys.exit(run(sys.argv[1:]))


_EVERYWHERE = (
    "-o", "--output", "--addr", "--token-file", "--correlation-id", "--git-commit", "--git-repository", "--git-path",
)  # fmt: skip


def hoisted(arguments: list[str]) -> list[str]:
    """The options of ``versiqii`` itself may stand behind the command too; here they come first."""
    first: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            rest += [argument, *waiting]
        elif argument in _EVERYWHERE:
            first += [argument, *_one(waiting)]
        elif argument.startswith("--") and argument.partition("=")[0] in _EVERYWHERE:
            first.append(argument)
        elif argument.startswith("-o") and argument[2:3].isalpha():
            first += ["-o", argument[2:]]
        else:
            rest.append(argument)
    return first + rest


def _one(waiting: Iterator[str]) -> list[str]:
    value = next(waiting, None)
    return [] if value is None else [value]


def run(arguments: list[str]) -> int:
    """Run one command line; the exit code."""
    try:
        result: Any = cli.main(hoisted(arguments), prog_name="versiqii", standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - the last net: nobody but us can do anything about a traceback
        return _ended(error)
    return result if isinstance(result, int) else Exit.OK


def _ended(error: Exception) -> int:
    """Say why a command did not end well, as its exit code does."""
    match error:
        case click.exceptions.Exit():
            return int(error.exit_code)
        case click.Abort():
            click.echo("interrupted", err=True)
            return Exit.INTERRUPTED
        case click.ClickException():
            error.show()
            return Exit.USAGE
        case VersiqiiError():
            return _told(error)
        case BrokenPipeError():
            # Whoever reads has seen enough. Python flushes once more at its end; nobody is there to be told.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return Exit.OK
        case _:
            return _bug(error)


def _told(error: VersiqiiError) -> int:
    click.echo(f"versiqii: {error.message}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)
    return code_of(error)


def _bug(error: Exception) -> int:
    if os.environ.get("VERSIQII_DEBUG"):
        traceback.print_exc()
    else:
        hint = "set VERSIQII_DEBUG=1 to see where"
        click.echo(f"versiqii: internal error ({type(error).__name__}); {hint}", err=True)
    return Exit.FAILED
