"""How a program comes onto this machine: one class per way. The order in which the ways are tried is `finder.py`.

Only the package registries' own clients are used (`go`, `mvn`, `apt-get`), with whatever settings this machine has for
them: no address of a registry or mirror stands here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.services.progress import Progress

HERE = Path(__file__).parent
_VERSION = re.compile(r"\d+(?:\.\d+)+")


class UnobtainableError(Exception):
    """A program cannot be had here. The message is one sentence.

    :ivar hint: what a person can do about it.
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def version_in(text: str) -> str:
    """The first dotted number in a text, "0" when there is none."""
    match = _VERSION.search(text)
    return match.group() if match else "0"


@dataclass(frozen=True, slots=True)
class Recipe(ABC):
    """One program: what it is called, which version the tests are written for, and how it is had.

    :ivar name: of the service; also of the executable on PATH, unless a subclass says otherwise.
    :ivar version: what is built where this machine has none.
    :ivar at_least: the oldest version on this machine that is taken.
    :ivar duration: how long that takes, in words.
    """

    name: str
    version: str
    at_least: tuple[int, ...]
    duration: str

    cached: ClassVar[bool] = True
    """Whether `provide` fills a folder of the cache; else it changes the machine, and `on_machine` finds the result."""

    @property
    def variable(self) -> str:
        """The environment variable that names the program outright."""
        return f"VERSIQII_TEST_{self.name.upper().replace('-', '_')}"

    def on_machine(self) -> Iterable[Path]:
        """Where this machine may have it already, best first."""
        path = shutil.which(self.name)
        return [Path(path)] if path else []

    def usable(self, path: Path) -> bool:
        """Whether the program is there at all."""
        return path.is_file() and os.access(path, os.X_OK)

    def version_of(self, path: Path) -> str:
        """Ask the program."""
        return _first_version([str(path), "version"], [str(path), "--version"])

    def in_folder(self, folder: Path) -> Path:
        """Where it lies in its folder of the cache."""
        return folder / self.name

    def check_needs(self) -> None:  # noqa: B027 - most need nothing
        """Whether this machine can run it.

        :raises UnobtainableError: it lacks something, which is named.
        """

    @abstractmethod
    def provide(self, folder: Path, progress: Progress) -> None:
        """Build or fetch it. Nothing counts until this returns.

        :param folder: an empty one that becomes its folder in the cache.
        :raises UnobtainableError: this machine lacks what that takes; nothing was changed.
        :raises CommandError: it was tried.
        """


def _first_version(*commands: list[str]) -> str:
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0 and (version := version_in(done.stdout + done.stderr)) != "0":
            return version
    return "0"


def _need(program: str, hint: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise UnobtainableError(f"there is no `{program}` on PATH", hint=hint)
    return path


GO_HINT = "install Go 1.24 or newer"


@dataclass(frozen=True, slots=True)
class GoModule(Recipe):
    """Built from the `go.mod` and `go.sum` in a folder here: every dependency is verified against its recorded hash."""

    package: str

    def provide(self, folder: Path, progress: Progress) -> None:
        command = [_need("go", GO_HINT), "build", "-v", "-trimpath", "-ldflags", "-s -w"]
        progress.run([*command, "-o", str(self.in_folder(folder)), self.package], cwd=HERE / self.name)


@dataclass(frozen=True, slots=True)
class GoInstall(Recipe):
    """Built with `go install package@version`, verified against Go's checksum database."""

    package: str

    def provide(self, folder: Path, progress: Progress) -> None:
        command = [_need("go", GO_HINT), "install", "-v", "-trimpath", "-ldflags", "-s -w"]
        progress.run([*command, f"{self.package}@v{self.version}"], cwd=folder, env={"GOBIN": str(folder)})
        built = folder / self.package.rpartition("/")[2]
        built.rename(self.in_folder(folder))


@dataclass(frozen=True, slots=True)
class PythonTool(Recipe):
    """Installed by pip with every file pinned by hash in the `requirements.txt` of a folder here, whatever Python its
    makers ask for: the tests, which run on the oldest that the product takes, show whether it works there. The program
    takes the module to run as its first argument."""

    def on_machine(self) -> Iterable[Path]:
        return ()

    def version_of(self, path: Path) -> str:  # noqa: ARG002 - only what was made here, from the pins, is known
        return self.version

    def provide(self, folder: Path, progress: Progress) -> None:
        wanted = str(HERE / self.name / "requirements.txt")
        install = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile"]
        install += ["--ignore-requires-python", "--require-hashes", "--target", str(folder), "-r", wanted]
        progress.run(install, cwd=folder)
        program = self.in_folder(folder)
        program.write_text(f'#!/bin/sh\nPYTHONPATH="$(dirname "$0")" exec {Path(sys.executable).resolve()} -m "$@"\n')
        program.chmod(0o755)


@dataclass(frozen=True, slots=True)
class DebianPackage(Recipe):
    """Installed by apt-get, by root only. Its own service is not started where the package's scripts can be told so,
    and never used: every test starts its own."""

    package: str
    cached: ClassVar[bool] = False

    def provide(self, folder: Path, progress: Progress) -> None:  # noqa: ARG002 - it goes where Debian puts it
        install_packages(self.package, progress=progress)


def install_packages(*packages: str, progress: Progress) -> None:
    """apt-get update and install.

    :raises UnobtainableError: no apt-get, or not root; nothing was changed.
    """
    wanted = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise UnobtainableError(
            "there is no `apt-get` here", hint=f"install {wanted} with this machine's package manager"
        )
    if os.geteuid() != 0:
        by_hand = f"sudo apt-get update && sudo apt-get install -y --no-install-recommends {wanted}"
        raise UnobtainableError("apt-get needs root", hint=by_hand)
    # RUNLEVEL=1 keeps the packages' init scripts from starting their servers.
    env = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    progress.run(["apt-get", "-q", "update"], env=env, must_succeed=False)
    progress.run(["apt-get", "-q", "install", "-y", "--no-install-recommends", *packages], env=env)
