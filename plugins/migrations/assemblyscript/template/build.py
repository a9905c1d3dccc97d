# ruff: noqa: INP001 - a script that stands alone, no package
"""Build one migration guest from AssemblyScript: ``python build.py assembly/index.ts migration.wasm``.

Needs Node.js with npm, and nothing else: the compiler is taken from ``node_modules`` beside this file or, when it is
not there, installed by npm, once, into the cache folder. ``--use abort=`` is what leaves out the import ``env.abort``,
which the sandbox does not have.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPILER = "assemblyscript@0.28.20"
FLAGS = ["--runtime", "stub", "--use", "abort=", "-O2"]
"""Not ``--shrinkLevel 2``: with it, this compiler's lists take memory that grows with the square of their length."""


def build(source: Path, output: Path) -> None:
    """Compile and link.

    :raises RuntimeError: there is no Node.js, or npm cannot get the compiler.
    :raises subprocess.CalledProcessError: the compiler refused; its words are on standard error.
    """
    compiler = asc()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "migration.wasm"
        relative = os.path.relpath(source.resolve(), source.resolve().parents[1])
        command = ["node", str(compiler), relative, "-o", str(made), *FLAGS]
        subprocess.run(command, check=True, cwd=source.resolve().parents[1])
        output.write_bytes(made.read_bytes())


def asc() -> Path:
    """The compiler's program."""
    inside = Path("node_modules") / "assemblyscript" / "bin" / "asc.js"
    if (HERE / inside).exists():
        return HERE / inside
    if not (shutil.which("node") and shutil.which("npm")):
        raise RuntimeError("no Node.js with npm: install it, then npm install")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "versiqii" / "migrations"
    root = cache / COMPILER.replace("@", "-")
    if not root.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = Path(folder) / "root"
            made.mkdir()
            install = ["npm", "install", "--prefix", str(made), "--ignore-scripts", "--no-audit", "--no-fund", COMPILER]
            got = subprocess.run(install, capture_output=True, check=False)
            if got.returncode:
                raise RuntimeError(f"npm could not install {COMPILER}")
            try:
                made.rename(root)
            except OSError:  # somebody else was faster
                if not root.exists():
                    raise
    return root / inside


if __name__ == "__main__":
    match sys.argv[1:]:
        case [given, wanted]:
            build(Path(given), Path(wanted))
        case _:
            raise SystemExit("usage: python build.py assembly/index.ts migration.wasm")
