"""Folders in which migrations are written: made from a template, built, and tried without a daemon."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import versiqiid
from versiqiid.core.modules import split
from versiqiid.errors import InvalidInput, MigrationFailed, NotFound, Refused

FAMILY = "project"
OLD, NEW = "1.0.0", "2.0.0"
MODULE = "migration.wasm"
_SOURCES = ("migration.c", "src/lib.rs", "assembly/index.ts", "migration.zig", "migration.py", "migration.js")
"""What the builders of the templates are given; the first that is there."""
_SCRIPTS = ("up.lua", "down.lua")
_MADE = shutil.ignore_patterns("node_modules", "target", "__pycache__", "*.wasm", "package-lock.json")


def templates() -> Path:
    """Where the templates are: inside the installed package, or beside it in a checkout.

    :raises NotFound: they were not installed.
    """
    package = Path(versiqiid.__file__).parent
    for place in (package / "templates" / "migrations", package.parent / "plugins" / "migrations"):
        if place.is_dir():
            return place
    raise NotFound(
        "the templates of migrations are not installed", hint="Take them from plugins/migrations of the source."
    )


def languages() -> list[str]:
    """The languages that there are templates for."""
    return sorted(path.parent.name for path in templates().glob("*/template"))


def make(folder: Path, language: str) -> list[str]:
    """Copy a template, with the schemas it is tried on, into a new folder; the files, sorted.

    :raises InvalidInput: no such language. :raises Refused: there is something in the folder; nothing was written.
    """
    if language not in languages():
        raise InvalidInput(f"no template for {language!r}", hint=f"There are {', '.join(languages())}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} is there already and not empty", hint="Name a new folder.")
    shutil.copytree(templates() / language / "template", folder, dirs_exist_ok=True, ignore=_MADE)
    shutil.copytree(templates() / "schemas", folder / "schemas")
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def build(folder: Path) -> Path | None:
    """Build the project's module by its own ``build.py``; where it is, None for a lens or a script, which
    need no building.

    :raises NotFound: the folder is no project. :raises MigrationFailed: the build failed; its words are on standard
        error.
    """
    if not (folder / "build.py").exists():
        if any((folder / name).exists() for name in ("lens.json", _SCRIPTS[0])):
            return None
        raise NotFound(
            f"{folder} has no build.py, lens.json or up.lua", hint="Make a project: versiqii migrations init."
        )
    source = next((name for name in _SOURCES if (folder / name).exists()), None)
    if source is None:
        raise NotFound(f"{folder} has none of {', '.join(_SOURCES)}")
    done = subprocess.run([sys.executable, "build.py", source, MODULE], cwd=folder, check=False, stdout=sys.stderr)
    if done.returncode:
        raise MigrationFailed(f"{folder}/build.py ended with {done.returncode}")
    return folder / MODULE


def keys_of(folder: Path) -> dict[str, bytes]:
    """The keys that the project would be under a root: a family of its two schemas and the migrations between them.

    :raises NotFound: a file is missing. :raises InvalidInput: the lens is none.
    """
    keys = {
        f"families/{FAMILY}": b'{"language": "json-schema"}',
        f"schemas/{FAMILY}/{OLD}": _file(folder / "schemas" / "old.json"),
        f"schemas/{FAMILY}/{NEW}": _file(folder / "schemas" / "new.json"),
    }
    up, down = f"migrations/{FAMILY}/{OLD}/{NEW}", f"migrations/{FAMILY}/{NEW}/{OLD}"
    if (folder / "lens.json").exists():
        there, back = both_ways(_file(folder / "lens.json"))
        return keys | {up: _json(there), down: _json(back)}
    if (folder / _SCRIPTS[0]).exists():
        there, back = (script(_file(folder / name)) for name in _SCRIPTS)
        return keys | {up: _json(there), down: _json(back)}
    module = _file(folder / MODULE, hint="Build it: versiqii migrations build.")
    digest = hashlib.sha256(module).hexdigest()
    manifest = _json({"runtime": "wasm", "module": f"sha256:{digest}"})
    return keys | {up: manifest, down: manifest, **split(module)}


def script(raw: bytes) -> dict[str, Any]:
    """A Lua script as the manifest of its direction.

    :raises InvalidInput: it is not UTF-8.
    """
    try:
        return {"runtime": "lua", "source": raw.decode()}
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the script is not UTF-8 at byte {error.start}") from None


def both_ways(raw: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """A lens as the manifests of its two directions: as it is written, and its mechanical inverse.

    Each declares what its operations lose, beside what the author declared.

    :param raw: the lens alone, or a whole manifest of runtime ``lens``.
    :raises InvalidInput: it is none.
    """
    from versiqiid.core.document import read  # noqa: PLC0415
    from versiqiid.core.lens import invert, lens_to_json, parse_lens  # noqa: PLC0415
    from versiqiid.core.migration import parse_manifest  # noqa: PLC0415

    given = read(raw)
    manifest = dict(given) if isinstance(given, dict) else {"runtime": "lens", "lens": given}
    described = parse_manifest(manifest)
    if described.runtime != "lens":
        raise InvalidInput(f"a lens was expected, and this is a migration of runtime {described.runtime}")
    lens = parse_lens(described.lens)
    there = _lossy(manifest, lens, described.lossy)
    kept = {name: value for name, value in manifest.items() if name in ("description", "owner")}
    inverse = invert(lens)
    return there, _lossy({**kept, "runtime": "lens", "lens": lens_to_json(inverse)}, inverse, ())


def _lossy(manifest: dict[str, Any], lens: Any, declared: tuple[str, ...]) -> dict[str, Any]:
    from versiqiid.core.lens import lossy_pointers  # noqa: PLC0415

    lossy = [*declared, *(pointer for pointer in lossy_pointers(lens) if pointer not in declared)]
    return {**manifest, "lossy": lossy} if lossy else manifest


def _file(path: Path, *, hint: str = "") -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror}", hint=hint) from error


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
