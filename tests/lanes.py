"""Every test, in lanes side by side: ``python -m tests.lanes [options of pytest]``.

Most of the time the tests wait for servers, so lanes of folders run at once, each a pytest of its own with its own
servers. Progress is printed as it comes; what a lane says after its tests is printed whole when it ends, and the last
line counts all of them as pytest does.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).parent
LEFT_OUT = {"bench"}
LANES = (("faults", "unit"), ("e2e",), ("e2e/guests", "contract", "engine"))
"""Folders that take about as long together, by lane; folders that are not named go with the last one. A folder that is
named is left out of the lane of the folder that it lies in."""

_COUNT = re.compile(r"(\d+) (failed|passed|skipped|errors?|xfailed|xpassed|deselected|warnings?)\b")


@dataclass
class Lane:
    """One pytest. ``told`` is what it said after its tests; ``code`` is how it ended."""

    number: int
    folders: tuple[str, ...]
    told: list[str] = field(default_factory=list)
    code: int = 0

    def run(self, options: list[str], lock: threading.Lock) -> None:
        places = [f"{TESTS.name}/{folder}" for folder in self.folders]
        places += [f"--ignore={TESTS.name}/{folder}" for folder in self.left_out()]
        cache = ["-o", f"cache_dir=.pytest_cache/lane{self.number}"]
        words = [sys.executable, "-m", "pytest", *places, *cache, *options]
        with subprocess.Popen(
            words, cwd=TESTS.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process:
            assert process.stdout is not None
            over = False
            for line in process.stdout:
                over = over or (line.startswith("====") and "test session starts" not in line)
                if over:
                    self.told.append(line)
                elif "%]" in line:
                    with lock:
                        print(line, end="", flush=True)
        self.code = process.returncode
        with lock:
            print(f"\n#### {' '.join(self.folders)}: ended with {self.code}")
            print("".join(self.told), flush=True)

    def left_out(self) -> list[str]:
        """Folders in those of this lane that another one runs."""
        elsewhere = [folder for lane in LANES for folder in lane if folder not in self.folders]
        return [folder for folder in elsewhere if any(folder.startswith(f"{own}/") for own in self.folders)]

    def counts(self) -> Counter[str]:
        """Numbers of the closing line, by word."""
        closing = next((line for line in reversed(self.told) if line.startswith("====")), "")
        return Counter({word.rstrip("s") if word[0] in "ew" else word: int(n) for n, word in _COUNT.findall(closing)})


def lanes() -> list[Lane]:
    """Every folder of tests, each once."""
    there = sorted(path.name for path in TESTS.iterdir() if any(path.rglob("test_*.py")) and path.name not in LEFT_OUT)
    named = {folder for lane in LANES for folder in lane}
    rest = tuple(folder for folder in there if folder not in named)
    return [Lane(number, folders + (rest if number == len(LANES) else ())) for number, folders in enumerate(LANES, 1)]


def main(options: list[str], running: list[Lane] | None = None) -> int:
    """Run everything, or these lanes; 0 when every lane ended well."""
    began, lock, running = time.monotonic(), threading.Lock(), running or lanes()
    threads = [threading.Thread(target=lane.run, args=(options, lock)) for lane in running]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total: Counter[str] = Counter()
    for lane in running:
        total += lane.counts()
    told = ", ".join(f"{count} {word}" for word, count in sorted(total.items())) or "nothing was run"
    print(f"==== {told} in {time.monotonic() - began:.2f}s ====", flush=True)
    return max(lane.code for lane in running)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
