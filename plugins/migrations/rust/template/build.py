# ruff: noqa: INP001 - a script that stands alone, no package
"""Build one migration guest from Rust: ``python build.py src/lib.rs migration.wasm``.

Takes the installed Rust where it has the target wasm32-unknown-unknown (``rustup target add wasm32-unknown-unknown``;
then ``cargo build --release --target wasm32-unknown-unknown`` does as well). Elsewhere, on Debian and what descends
from it, the distribution's own Rust with that target is fetched with ``apt-get download``, once, about 130 MB, into the
cache folder, and nothing is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TARGET = "wasm32-unknown-unknown"
FLAGS = [
    "--edition=2021", "--crate-type=cdylib", f"--target={TARGET}",
    "-Copt-level=z", "-Clto=fat", "-Cpanic=abort", "-Cstrip=symbols", "-Dwarnings",
]  # fmt: skip
PACKAGES = ("rustc", "libstd-rust-1.63", "libstd-rust-dev", "libstd-rust-dev-wasm32", "libllvm14", "lld-14")
"""Of Debian 12; other releases name other versions, and have a newer Rust."""


def build(source: Path, output: Path) -> None:
    """Compile and link.

    :raises RuntimeError: there is no Rust with the target, and none can be had.
    :raises subprocess.CalledProcessError: the compiler refused; its words are on standard error.
    """
    with tempfile.TemporaryDirectory() as folder:
        compiler, environment = toolchain()
        made = Path(folder) / "migration.wasm"
        command = [*compiler, *FLAGS, str(source), "-o", str(made)]
        subprocess.run(command, check=True, env=os.environ | environment)
        output.write_bytes(made.read_bytes())


def toolchain() -> tuple[list[str], dict[str, str]]:
    """The compiler's command, and what its environment needs."""
    installed = shutil.which("rustc")
    if installed:
        asked = [installed, "--print=target-libdir", f"--target={TARGET}"]
        told = subprocess.run(asked, capture_output=True, text=True, check=False)
        if told.returncode == 0 and any(Path(told.stdout.strip()).glob("libstd-*.rlib")):
            return [installed], {}
    root = fetched()
    libraries = next((root / "usr/lib").glob("*/librustc_driver-*.so")).parent
    return [str(root / "usr/bin/rustc"), f"-Clinker={root / 'usr/lib/llvm-14/bin/wasm-ld'}"], {
        "LD_LIBRARY_PATH": str(libraries)
    }


def fetched() -> Path:
    """The folder that holds Debian's Rust, unpacked; complete or not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "versiqii" / "migrations"
    root = cache / "debian-rust-1.63"
    if root.exists():
        return root
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise RuntimeError(f"no Rust with the target {TARGET}: run rustup target add {TARGET}")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        made = Path(folder) / "root"
        got = subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=folder, capture_output=True, check=False)
        if got.returncode:
            raise RuntimeError(f"no Rust with the target {TARGET}: run rustup target add {TARGET}, or apt-get update")
        for package in sorted(Path(folder).glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", str(package), str(made)], check=True)
        for unneeded in ("usr/share", "usr/lib/rustlib/wasm32-wasi", "usr/bin/rustdoc"):
            subprocess.run(["rm", "-r", str(made / unneeded)], check=True)
        try:
            made.rename(root)
        except OSError:  # somebody else was faster
            if not root.exists():
                raise
    return root


if __name__ == "__main__":
    match sys.argv[1:]:
        case [given, wanted]:
            build(Path(given), Path(wanted))
        case _:
            raise SystemExit("usage: python build.py src/lib.rs migration.wasm")
