"""Build the example's migration modules from C and write them, and the keys that name them, under ``keys/``.

Run it after a change in ``migrations/``: ``python examples/scan-engine/build.py``. It needs ziglang, in the version
that ``plugins/migrations/c/template/build.py`` names, and gives the same bytes everywhere.
"""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPILER = HERE.parents[1] / "plugins" / "migrations" / "c" / "template" / "build.py"
DESCRIPTIONS = {
    "1.0.0-2.0.0": "Limits together, YARA switched by a word, reports with a detail.",
    "2.0.0-3.0.0": "Time limits in seconds, heuristics become detectors, no scan without a depth limit.",
}


def build(keys: Path) -> None:
    """Write ``modules/…`` and ``migrations/…`` under this folder, and remove modules that nothing names any more."""
    compile_c = runpy.run_path(str(COMPILER))["build"]
    modules = keys / "modules"
    modules.mkdir(parents=True, exist_ok=True)
    wanted = set()
    for source in sorted((HERE / "migrations").glob("*.c")):
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "migration.wasm"
            compile_c(source, made)
            code = made.read_bytes()
        digest = hashlib.sha256(code).hexdigest()
        wanted.add(digest)
        (modules / digest).write_bytes(code)
        old, new = source.stem.split("-")
        for frm, to in ((old, new), (new, old)):
            migration = {"runtime": "wasm", "module": f"sha256:{digest}", "description": DESCRIPTIONS[source.stem]}
            key = keys / "migrations" / "scan-engine" / frm / to
            key.parent.mkdir(parents=True, exist_ok=True)
            key.write_text(json.dumps(migration, indent=2) + "\n", encoding="utf-8")
    for module in modules.iterdir():
        if module.name not in wanted:
            module.unlink()


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "keys")
