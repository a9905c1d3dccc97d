# ruff: noqa: INP001 - a script that stands alone, no package
"""Build one migration guest from C: ``python build.py migration.c migration.wasm``.

Needs nothing but ``pip install ziglang==0.17.1``. The same source and the same ziglang give the same bytes on every
machine, so a module's digest can be checked by whoever has its source.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLAGS = [
    "-target", "wasm32-freestanding",
    "-std=c11", "-Oz", "-Wall", "-Wextra", "-Werror",
    "-nostdlib", "-fno-builtin", "-g0",
    "-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-z,stack-size=65536",
]  # fmt: skip


def build(source: Path, output: Path) -> None:
    """Compile and link; the output holds no path, name or date of this machine.

    :raises subprocess.CalledProcessError: the compiler refused; its words are on standard error.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "migration.wasm"
        command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, f"-I{HERE}", str(source), "-o", str(made)]
        subprocess.run(command, check=True)
        output.write_bytes(made.read_bytes())


if __name__ == "__main__":
    match sys.argv[1:]:
        case [given, wanted]:
            build(Path(given), Path(wanted))
        case _:
            raise SystemExit("usage: python build.py migration.c migration.wasm")
