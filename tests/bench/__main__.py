"""Print every figure. Arguments choose benches by name: `python -m tests.bench daemon journal`."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from pathlib import Path


def main(wanted: list[str]) -> None:
    names = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    unknown = set(wanted) - set(names)
    if unknown:
        raise SystemExit(f"no bench named {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}", flush=True)
    for name in wanted or names:
        print(f"\n{name}", flush=True)
        for label, value, unit in importlib.import_module(f"tests.bench.bench_{name}").run():
            print(f"  {label:64} {value:>14,.2f} {unit}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
