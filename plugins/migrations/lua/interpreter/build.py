# ruff: noqa: INP001 - a script that stands alone, no package
"""Build the Lua interpreter that the daemon carries: ``python build.py lua.wasm``.

Nobody who writes a migration needs this: the result lies in the daemon's package, and a test builds it again and
compares the bytes. Needs ``pip`` and ``ziglang==0.17.1``. Lua's own C source, unchanged, is taken from the source
package of ``lupa`` on the Python package index, once, into the cache folder; its digest is checked.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LUA = "5.4.8"
PACKAGE, ARCHIVE = "lupa==2.8", "lupa-2.8.tar.gz"
DIGEST = "d8022641b9ec8ecf2c5ecbe9f47e5a70e0b87c4b5ae921b92cb02a638e0acd08"
INSIDE = "lupa-2.8/third-party/lua54/"
_CORE = "api code ctype debug do dump func gc lex mem object opcodes parser state string table tm undump vm zio"
_LIBRARIES = "auxlib baselib corolib mathlib strlib tablib utf8lib"
SOURCES = [f"l{name}.c" for name in (_CORE + " " + _LIBRARIES).split()]
FLAGS = [
    "-target", "wasm32-wasi", "-mexec-model=reactor",
    "-std=c23", "-Oz", "-g0", "-DNDEBUG",
    "-Wno-deprecated-declarations",
    "-mexception-handling", "-mllvm", "-wasm-enable-sjlj", "-mllvm", "-wasm-use-legacy-eh=false",
    "-Dluai_makeseed(L)=0", "-Dlua_getlocaledecpoint()=46", "-Dl_signalT=int",  # no clock in hashes, locale or signals
    "-Wl,--strip-all", "-Wl,-z,stack-size=1048576",
]  # fmt: skip


def build(output: Path) -> None:
    """Compile and link; the output holds no path, name or date of this machine.

    :raises RuntimeError: the package index cannot be reached, or gave something else than it should.
    :raises subprocess.CalledProcessError: the compiler refused; its words are on standard error.
    """
    source = lua_source()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "lua.wasm"
        files = [str(HERE / "guest.c"), *(str(source / name) for name in SOURCES)]
        command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, f"-I{source}", f"-I{HERE}", *files, "-o", str(made)]
        subprocess.run(command, check=True)
        output.write_bytes(made.read_bytes())


def lua_source() -> Path:
    """The folder of Lua's C files, unpacked; complete or not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "versiqii" / "migrations"
    root = cache / f"lua-{LUA}"
    if root.exists():
        return root
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        made = Path(folder) / "lua"
        made.mkdir()
        with tarfile.open(_archive(Path(folder))) as archive:
            for member in archive.getmembers():
                name = member.name.removeprefix(INSIDE)
                if name != member.name and "/" not in name and member.isfile():
                    content = archive.extractfile(member)
                    (made / name).write_bytes(content.read() if content else b"")
        try:
            made.rename(root)
        except OSError:  # somebody else was faster
            if not root.exists():
                raise
    return root


def _archive(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "lupa", "-d", str(folder)]
    got = subprocess.run([*command, PACKAGE], capture_output=True, check=False)
    archive = folder / ARCHIVE
    if got.returncode or not archive.exists():
        raise RuntimeError(f"pip could not download the source of {PACKAGE}")
    if hashlib.sha256(archive.read_bytes()).hexdigest() != DIGEST:
        raise RuntimeError(f"{ARCHIVE} is not the file that it should be")
    return archive


if __name__ == "__main__":
    match sys.argv[1:]:
        case [wanted]:
            build(Path(wanted))
        case _:
            raise SystemExit("usage: python build.py lua.wasm")
