"""A journal is tampered with in seven ways, each time by somebody more powerful; watch which check finds it.

Starts ``versiqiid`` in a folder of its own, upgrades an engine twice, exports the journal, keeps one checkpoint
elsewhere. Then, each time on a fresh copy: ``versiqii audit verify`` with the log's key alone, the same with the
checkpoint from elsewhere, and ``versiqiid journal rebuild``. Exits with 1 if a check says anything else than it should.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import attacks

KEYS = Path(__file__).parent.parent / "scan-engine" / "keys"
VERSION = "envs/prod/asia-sg/av-engine/version"
DEADLINE_S = 60
FINE = "verified"


# ------------------------------------------------------------------------------------------- a journal is made


@contextmanager
def daemon(data: Path) -> Iterator[str]:
    """A daemon on a free port; its address. It ends with the block, and signs what it has recorded."""
    command = [sys.executable, "-m", "versiqiid", "run", "--data-dir", str(data), "--listen", "127.0.0.1:0"]
    log = data.with_name("log")
    with log.open("w", encoding="utf-8") as out, subprocess.Popen(command, stderr=out) as process:
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text(encoding="utf-8").splitlines():
            if line.startswith("{") and (told := json.loads(line)).get("event") == "started":
                return str(told["listen"])
        time.sleep(0.01)
    raise SystemExit(f"versiqiid did not start:\n{log.read_text(encoding='utf-8')}")


def write(address: str, values: dict[str, bytes], *, then: str) -> None:
    """Write keys in one transaction; return when every binding of the region is decided for the version ``then``."""
    operations = [{"op": "set", "key": k, "valueBase64": base64.b64encode(v).decode()} for k, v in values.items()]
    ask(address, "/v1/txn", {"operations": operations})
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        items = ask(address, "/v1/status/prod/asia-sg/?values=true")["items"]
        if len(items) == 3 and all(json.loads(item["value"])["targetVersion"] == then for item in items):
            return
        time.sleep(0.01)
    raise SystemExit(f"waited {DEADLINE_S} s for version {then}")


def ask(address: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{address}{path}", data)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - an address of our own
        return json.loads(answer.read())


def make(folder: Path) -> None:
    """A journal in ``data``, an older copy of it in ``older``, and key and checkpoint in ``elsewhere``."""
    data = folder / "data"
    files = sorted(path for path in KEYS.rglob("*") if path.is_file())
    with daemon(data) as address:
        write(address, {path.relative_to(KEYS).as_posix(): path.read_bytes() for path in files}, then="1.4.0")
        write(address, {VERSION: b"3.0.0"}, then="3.0.0")
    shutil.copytree(data, folder / "older")
    with daemon(data) as address:
        write(address, {VERSION: b"2.1.3"}, then="2.1.3")
    run("versiqii", "audit", "export", str(folder / "export"), "--data-dir", str(data))
    (folder / "elsewhere").mkdir()
    for name in ("log.vkey", "checkpoint"):
        shutil.copy(folder / "export" / name, folder / "elsewhere" / name)


# ---------------------------------------------------------------------------------------------- it is tampered with


@dataclass(frozen=True, slots=True)
class Act:
    """One way of tampering, and what each of the three checks must say: ``verified``, or the class of its refusal."""

    who: str
    what: str
    do: Callable[[Path, Path], object]
    alone: str
    outside: str
    rebuilt: str


ACTS = (
    Act("nobody", "nothing is done", lambda _, __: None, FINE, FINE, FINE),
    Act("a database user", "UPDATE through SQL", lambda d, _: attacks.update_through_sql(d), FINE, FINE, FINE),
    Act("a database user", "edits a projection", lambda d, _: attacks.edit_projection(d), FINE, FINE, "projection"),
    Act("the file's owner", "guards off, edits a row", lambda d, _: attacks.edit_row(d), "entry", "entry", "hash"),
    Act("the file's owner", "guards off, drops a row", lambda d, _: attacks.delete_row(d), "order", "order", "missing"),
    Act("the file's owner", "edits row and hashes", lambda d, _: attacks.edit_row_and_tree(d), "root", "root", FINE),
    Act("root", "puts an older copy back", attacks.go_back, FINE, "truncation", FINE),
    Act("a thief of the key", "edits, hashes, signs anew", lambda d, _: attacks.rewrite_history(d), FINE, "fork", FINE),
)  # fmt: skip


def show(act: Act, folder: Path) -> bool:
    """Do it on a copy and run the three checks; whether each says what it should."""
    copy = Path(shutil.copytree(folder / "data", folder / "copy"))
    said = act.do(copy, folder / "older")
    print(f"\n{act.who}: {act.what}" + (f"  [the database: {said}]" if said else ""))
    verify = ("versiqii", "audit", "verify", "--data-dir", str(copy), "--vkey", str(folder / "elsewhere" / "log.vkey"))
    good = [
        check("audit verify", act.alone, *verify),
        check("  … --against", act.outside, *verify, "--against", str(folder / "elsewhere" / "checkpoint")),
        check("journal rebuild", act.rebuilt, "versiqiid", "journal", "rebuild", "--data-dir", str(copy)),
    ]
    shutil.rmtree(copy)
    return all(good)


def check(name: str, expected: str, *command: str) -> bool:
    """Run one check; print its last line; whether it is what was expected."""
    last = run(*command, codes=(0, 3)).splitlines()[-1]
    found = last.removeprefix("refused: ").split(" ")[0] if last.startswith("refused: ") else FINE
    print(f"  {name:16} {last if found != FINE else FINE}" + ("" if found == expected else f"   EXPECTED {expected}"))
    return found == expected


def run(program: str, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    """One of our programs; what it printed."""
    main = f"from versiqiid.{'cli' if program == 'versiqii' else '__main__'} import main; main()"
    done = subprocess.run([sys.executable, "-c", main, *arguments], check=False, capture_output=True, text=True)
    if done.returncode not in codes:
        raise SystemExit(f"{program} {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="versiqii-tamper-") as place:
        folder = Path(place)
        make(folder)
        print("A journal was made, exported, and one signed checkpoint was put elsewhere. Now it is tampered with.")
        good = [show(act, folder) for act in ACTS]
    print(
        "\nWhat nobody can find from inside: an older copy, and a log that was signed anew. Both are perfect in"
        "\nthemselves, and only a checkpoint that was kept elsewhere tells: keep some (README.md says how)."
    )
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
