# ruff: noqa: INP001 - a script that stands alone, no package
"""Build one migration guest from Python: ``python build.py migration.py migration.wasm``.

Needs nothing but ``pip install componentize-py==0.25.1``; where that is not installed, pip puts it, once, into the
cache folder. The component holds a whole Python, 18 MB: the daemon takes about 15 s of processor time to compile it,
once.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPILER = "componentize-py==0.25.1"
WORLD = "migration-with-stash"
"""Or ``migration``, for a class with ``up`` and ``down`` that take and give the config alone."""


def build(source: Path, output: Path) -> None:
    """Make a component of the file's ``WitWorld``.

    :raises RuntimeError: there is no componentize-py for this machine.
    :raises subprocess.CalledProcessError: it refused; its words are on standard error.
    """
    environment = compiler()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "migration.wasm"
        arguments = ["-q", "-d", str(HERE / "wit"), "-w", WORLD, "componentize", "--stub-wasi"]
        places = [part for place in (source.resolve().parent, HERE) for part in ("-p", str(place))]
        program = [sys.executable, "-B", "-c", "import componentize_py; componentize_py.script()"]
        command = [*program, *arguments, *places, source.stem, "-o", str(made)]
        subprocess.run(command, check=True, env=os.environ | environment, cwd=folder)
        output.write_bytes(made.read_bytes())


def compiler() -> dict[str, str]:
    """What the environment needs for ``import componentize_py``."""
    if importlib.util.find_spec("componentize_py"):
        return {}
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "versiqii" / "migrations"
    root = cache / COMPILER.replace("==", "-")
    if not root.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = Path(folder) / "root"
            install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(made), COMPILER]
            if subprocess.run(install, capture_output=True, check=False).returncode:
                raise RuntimeError(f"pip could not install {COMPILER}")
            try:
                made.rename(root)
            except OSError:  # somebody else was faster
                if not root.exists():
                    raise
    return {"PYTHONPATH": str(root)}


if __name__ == "__main__":
    match sys.argv[1:]:
        case [given, wanted]:
            build(Path(given), Path(wanted))
        case _:
            raise SystemExit("usage: python build.py migration.py migration.wasm")
