"""Consumer group ``audit``: keeps every entry in its own file, each exactly once, and tells whether one is missing.

    python audit.py --bootstrap broker:9092 --file audit.jsonl
    python audit.py --file audit.jsonl --check

A line is written and flushed to the disk before its offset is committed: after a crash some events come again, and are
dropped because their ``id`` is in the file. The ``id`` is the entry's leaf hash in the daemon's Merkle log, so a line
here can be proved against a checkpoint (`versiqii audit prove N`).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from events import Events, arguments


def kept(file: Path) -> dict[str, int]:
    """The ids in the file with their positions. A last line that was cut off by a crash is cut away."""
    if not file.exists():
        return {}
    raw = file.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if whole != raw:
        os.truncate(file, len(whole))
    lines = (json.loads(line) for line in whole.splitlines())
    return {line["id"]: line["sequence"] for line in lines}


def check(file: Path) -> int:
    """Print what is missing between the first entry and the last; the exit status says whether anything is."""
    positions = sorted(kept(file).values())
    missing = sorted(set(range(positions[-1] + 1)) - set(positions)) if positions else []
    print(f"{len(positions)} entries, {len(missing)} missing{': ' if missing else ''}{missing[:10] or ''}")
    return 1 if missing else 0


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--file", type=Path, default=Path("audit.jsonl"))
    parser.add_argument("--check", action="store_true", help="say whether an entry is missing, and read nothing")
    options = parser.parse_args()
    if options.check:
        return check(options.file)
    seen = set(kept(options.file))
    with options.file.open("ab") as out:
        for event in Events(options, group="audit", topic="audit"):
            if event.id in seen:
                continue
            line = {
                "sequence": event.sequence,
                "id": event.id,
                "type": event.type,
                "subject": event.subject,
                **event.body,
            }
            out.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())
            seen.add(event.id)
    return 0


if __name__ == "__main__":
    sys.exit(main())
