"""The operator's command line. One command group is one file in ``commands/``; talks REST, but for offline commands.

Nothing heavy is imported until a command runs: ``--help`` is a feature.
"""

from versiqiid.cli.app import main

__all__ = ["main"]
