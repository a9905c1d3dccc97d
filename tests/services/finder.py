"""Where a service's program is: the order of search, the cache, and the lock under which it is filled.

The order: a path in the environment, this machine's own if it is new enough, the cache, and only for `obtain` a build
or download. How each of these is done is in `recipes.py`.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.progress import CommandError, Progress
from tests.services.recipes import Recipe, UnobtainableError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Found:
    """A program that can be run.

    :ivar origin: which step of the search found it: `environment`, `machine` or `cache`.
    """

    name: str
    path: Path
    version: str
    origin: str


class MissingServiceError(Exception):
    """A service's program is not on this machine. The message is one line: what is missing, and how to get it."""


class MisnamedError(Exception):
    """The environment names a program that is not there: somebody's mistake, never a reason to look elsewhere."""


def cache_home() -> Path:
    """`$XDG_CACHE_HOME/versiqii/services`; an empty or relative setting is ignored, as the XDG base directory
    specification asks."""
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (home if home.is_absolute() else Path.home() / ".cache") / "versiqii" / "services"


def numbers(version: str) -> tuple[int, ...]:
    """For comparing: "1.20.6" is (1, 20, 6)."""
    return tuple(int(part) for part in version.split("."))


@functools.cache
def _version(recipe: Recipe, path: Path) -> str:
    return recipe.version_of(path)


def find(recipe: Recipe) -> Found:
    """Find the program without changing anything.

    :raises MisnamedError: the environment names something that is not there.
    :raises MissingServiceError: it is nowhere, or too old, or this machine cannot run it.
    """
    recipe_hint = (
        f"`make services SERVICES={recipe.name}` (takes {recipe.duration}), or name yours in {recipe.variable}"
    )
    try:
        recipe.check_needs()
    except UnobtainableError as lacking:
        raise MissingServiceError(f"{recipe.name}: {lacking}; to get it: {lacking.hint}") from None
    if named := os.environ.get(recipe.variable):
        if not recipe.usable(path := Path(named)):
            raise MisnamedError(f"{recipe.variable} names {named}, where there is no {recipe.name} that can be run")
        return Found(recipe.name, path, _version(recipe, path), "environment")
    too_old = ""
    for path in filter(recipe.usable, recipe.on_machine()):
        version = _version(recipe, path)
        if numbers(version) >= recipe.at_least:
            return Found(recipe.name, path, version, "machine")
        too_old = f" ({path} is {version})"
    if recipe.cached and recipe.usable(path := recipe.in_folder(_folder(recipe))):
        return Found(recipe.name, path, recipe.version, "cache")
    least = ".".join(map(str, recipe.at_least))
    raise MissingServiceError(f"{recipe.name} {least} or newer is not here{too_old}; to get it: {recipe_hint}")


def obtain(recipe: Recipe) -> Found:
    """Find the program, or build or fetch it into the cache. One at a time on this machine, however many ask at once;
    an interrupted build leaves nothing that could be taken for a finished one.

    :raises MisnamedError: the environment names something that is not there.
    :raises MissingServiceError: it cannot be had, with the reason and the way out.
    """
    with contextlib.suppress(MissingServiceError):
        return find(recipe)
    home = cache_home()
    home.mkdir(parents=True, exist_ok=True)
    label = f"{recipe.name} {recipe.version}"
    progress = Progress(label, home / f"{recipe.name}-{recipe.version}.log")
    with _locked(home / f"{recipe.name}.lock", progress):
        with contextlib.suppress(MissingServiceError):
            return find(recipe)
        try:
            _provide(recipe, home, progress)
        except UnobtainableError as lacking:
            raise MissingServiceError(f"{label}: {lacking}; to get it: {lacking.hint}") from None
        except (CommandError, OSError) as failed:
            way_out = f"try again, or name yours in {recipe.variable}, or see docker-compose.yml"
            raise MissingServiceError(f"{label}: {failed}; to get it: {way_out}") from None
        return find(recipe)


def _provide(recipe: Recipe, home: Path, progress: Progress) -> None:
    progress.log.unlink(missing_ok=True)
    progress.say(f"not here yet; getting it takes {recipe.duration}")
    prefix = f".part-{recipe.name}-"
    for abandoned in home.glob(f"{prefix}*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=prefix, dir=home))
    try:
        part.chmod(0o755)
        recipe.provide(part, progress)
        if recipe.cached:
            final = _folder(recipe)
            shutil.rmtree(final, ignore_errors=True)  # find() did not accept it
            part.rename(final)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    progress.say("ready")


def _folder(recipe: Recipe) -> Path:
    return cache_home() / f"{recipe.name}-{recipe.version}"


@contextlib.contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    """Hold a lock that ends with the process, whatever happens to it."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("another process is getting it; waiting for that")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
