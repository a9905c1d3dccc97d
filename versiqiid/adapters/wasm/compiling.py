"""Large modules: compiled in a process that the kernel limits, and kept on disk, so that a start does not pay again.

Compiled code is native code: whoever can write the folder can run code as the daemon. So the folder belongs to the
daemon's user alone, one that does not is not used, and a file is used only with the digest that was noted beside it. As
a program (``python -m versiqiid.adapters.wasm.compiling KIND TARGET FILE``) it reads a module from standard input and
writes the compiled one.
"""

from __future__ import annotations

import hashlib
import os
import resource
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import wasmtime
from wasmtime import component

from versiqiid.adapters.wasm.engines import Kind, configuration
from versiqiid.adapters.wasm.sentences import cause
from versiqiid.errors import MigrationFailed

APART_BYTES = 64 * 1024
"""From this size on a module is compiled in a process of its own: some hundred milliseconds of work. Arbitrary."""
CPU_S = 300
"""What the compiler may take. A backstop for modules made to keep it busy; a Python component takes about 15 s."""
MEMORY_BYTES = 4 * 1024**3
FILES_MAX = 32
"""Compiled modules that are kept; the ones that were not used for longest go. Arbitrary."""
_NICENESS = 5
_REFUSED = 3


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles for one engine.

    :ivar folder: where compiled code is kept; None = nowhere.
    """

    engine: Any
    kind: Kind
    interpreter: bool = False
    folder: Path | None = None

    def compile(self, code: bytes) -> Any:
        """A wasmtime ``Module`` or ``Component``.

        :raises MigrationFailed: it is not valid, or takes too much to compile.
        """
        if len(code) < APART_BYTES:
            try:
                return _type(self.kind)(self.engine, code)
            except wasmtime.WasmtimeError as error:
                raise invalid(error) from error
        folder = self._folder()
        if folder is None:
            with tempfile.TemporaryDirectory() as other:
                return self._apart(code, Path(other) / "compiled")
        file = folder / f"{hashlib.sha256(code).hexdigest()}-{self.kind}-{self._target}-{version('wasmtime')}"
        known = self._known(file)
        if known is None:
            known = self._apart(code, file)
            _tidy(folder)
        return known

    @property
    def _target(self) -> str:
        return "interpreter" if self.interpreter else "native"

    def _folder(self) -> Path | None:
        """The folder, made when it is not there; None when it is not ours alone."""
        if self.folder is None:
            return None
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            told = self.folder.stat()
            if told.st_uid == os.geteuid() and not told.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return self.folder
        return None

    def _known(self, file: Path) -> Any | None:
        """What an earlier compilation left; None when there is none, or it is damaged, or of another processor."""
        try:
            if _noted(file).read_text() != _digest(file):
                return None
            loaded = _type(self.kind).deserialize_file(self.engine, str(file))
            os.utime(file)
        except (OSError, ValueError, wasmtime.WasmtimeError):
            return None
        return loaded

    def _apart(self, code: bytes, file: Path) -> Any:
        command = [sys.executable, "-P", "-m", __name__, self.kind, self._target, str(file)]
        done = subprocess.run(command, input=code, capture_output=True, check=False)
        if done.returncode == _REFUSED:
            raise MigrationFailed(done.stdout.decode("utf-8", "replace"))
        if done.returncode:
            raise MigrationFailed(
                "could not be compiled within the limits", hint=f"{CPU_S} s of CPU, {MEMORY_BYTES:,} bytes of memory."
            )
        try:
            return _type(self.kind).deserialize_file(self.engine, str(file))
        except wasmtime.WasmtimeError as error:
            raise MigrationFailed(f"could not be loaded when it was compiled: {cause(error)}") from error


def invalid(error: Exception) -> MigrationFailed:
    return MigrationFailed(f"is no valid module: {cause(error)}")


def _type(kind: Kind) -> Any:
    return component.Component if kind is Kind.COMPONENT else wasmtime.Module


def _noted(file: Path) -> Path:
    return file.with_name(file.name + ".sha256")


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _tidy(folder: Path) -> None:
    """Remove what was not used for longest; what cannot be removed stays."""
    with suppress(OSError):
        files = [file for file in folder.iterdir() if file.suffix != ".sha256"]
        for file in sorted(files, key=lambda each: each.stat().st_mtime, reverse=True)[FILES_MAX:]:
            _noted(file).unlink(missing_ok=True)
            file.unlink(missing_ok=True)


def _main(kind: Kind, target: str, file: Path) -> int:
    """Compile standard input into the file, whole or not at all; its digest is noted first.

    A crash between the two leaves a note without its file or with an older one, which is as good as none.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICENESS)
    os.umask(0o077)
    engine = wasmtime.Engine(configuration(kind, interpreter=target == "interpreter"))
    try:
        compiled = _type(kind)(engine, sys.stdin.buffer.read()).serialize()
    except wasmtime.WasmtimeError as error:
        sys.stdout.write(invalid(error).message)
        return _REFUSED
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as made:
        made.write(compiled)
    _noted(file).write_text(hashlib.sha256(compiled).hexdigest())
    Path(made.name).replace(file)
    return 0


if __name__ == "__main__":
    sys.exit(_main(Kind(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
