"""``versiqii completion``: the script that lets a shell complete commands and options; click makes it."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    r"""Print the completion script of SHELL.

    \b
    bash: versiqii completion bash > /etc/bash_completion.d/versiqii
    zsh:  versiqii completion zsh > "${fpath[1]}/_versiqii"
    fish: versiqii completion fish > ~/.config/fish/completions/versiqii.fish
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    from versiqiid.cli.app import cli  # noqa: PLC0415

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    print(found(cli, {}, "versiqii", "_VERSIQII_COMPLETE").source())
