"""``versiqiid``: reads settings, calls ``daemon.py``. Settings become flags by their own names and words."""

from __future__ import annotations

import ast
import inspect
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from versiqiid import __version__
from versiqiid.errors import VersiqiiError, first_of
from versiqiid.journals_cli import journal
from versiqiid.settings import Settings, check_environment, load

EXIT_USAGE = 64
EXIT_FAILED = 1
EXIT_AGAIN = 75
EXIT_INTERRUPTED = 130


class Commands(click.Group):
    """A group whose wrong command lines end with the exit code that all our commands have for them."""

    def main(self, *args: Any, **given: Any) -> NoReturn:
        """As click's own, but for the exit codes."""
        try:
            super().main(*args, **{**given, "standalone_mode": False})
        except click.exceptions.Exit as done:
            sys.exit(done.exit_code)
        except click.Abort:
            click.echo("interrupted", err=True)
            sys.exit(EXIT_INTERRUPTED)
        except click.ClickException as error:
            error.show()
            sys.exit(EXIT_USAGE)
        sys.exit(0)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="versiqiid")
def main() -> None:
    """The Versiqii daemon: configuration that always fits the version that is actually running."""


def _run(**given: Any) -> None:
    """Watch desired keys, write effective configs, serve the API, keep this host's files; until SIGTERM."""
    import anyio  # noqa: PLC0415

    from versiqiid import daemon, logs  # noqa: PLC0415

    file = given.pop("config")
    try:
        check_environment(os.environ)
        settings = load({name: value for name, value in given.items() if value is not None}, file)
        logs.configure(settings.log_level)
        anyio.run(daemon.run, settings)
    except* VersiqiiError as group:
        error = first_of(group)
        click.echo(f"versiqiid: {error.message}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        sys.exit(EXIT_USAGE if error.code == "invalid_setting" else EXIT_AGAIN if error.retryable else EXIT_FAILED)


def setting_help() -> dict[str, str]:
    """The words beside each setting in ``settings.py``, by field name: one text serves ``--help`` and the docs."""
    body = ast.parse(inspect.getsource(Settings)).body[0]
    found: dict[str, str] = {}
    name = ""
    for node in getattr(body, "body", []):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            found[name] = " ".join(str(node.value.value).split()).replace("``", "")
            name = ""
    return found


def _options() -> list[click.Parameter]:
    path = click.Path(path_type=Path, dir_okay=False)
    told = [click.Option(["--config"], type=path, help="TOML file with settings by these names.")]
    words = setting_help()
    told += [
        click.Option([f"--{name.replace('_', '-')}"], help=words[name], metavar="VALUE")
        for name in Settings.model_fields
        if name not in ("agent", "imports", "kafka_client")
    ]
    return list(told)


main.add_command(journal)
main.add_command(click.Command("run", callback=_run, params=_options(), help=_run.__doc__))


if __name__ == "__main__":
    main()
