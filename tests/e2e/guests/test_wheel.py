"""What is installed from the wheel can do what a checkout can: begin a migration in any language, and run a script."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.processes import clean_environment

PROJECT = Path(__file__).parents[3]
SDKS = PROJECT / "plugins" / "migrations"
LANGUAGES = sorted(folder.parent.name for folder in SDKS.glob("*/template"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and unpacked: its dependencies are this environment's."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def cli(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = (
        "import versiqiid, sys; sys.stderr.write(versiqiid.__file__ + '\\n'); from versiqiid.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments],
        cwd=installed.parent,
        env=clean_environment(PYTHONPATH=str(installed)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.startswith(str(installed)), done.stderr
    return done


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_is_in_the_wheel(installed: Path, tmp_path: Path, language: str) -> None:
    """File by file the same as in the checkout, and nothing that was built there."""
    folder = tmp_path / "project"
    assert cli(installed, "migrations", "init", str(folder), "--lang", language).returncode == 0
    for path in folder.rglob("*"):
        here = path.relative_to(folder)
        source = SDKS / here if here.parts[0] == "schemas" else SDKS / language / "template" / here
        assert path.is_dir() or path.read_bytes() == source.read_bytes()
    assert (folder / "schemas" / "new.json").exists()
    assert len(list(folder.iterdir())) > 1


@pytest.mark.timeout(1800)  # compilers are fetched and a component is compiled, once
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_project_of_the_wheel_builds_and_keeps_the_laws(installed: Path, tmp_path: Path, language: str) -> None:
    """By its own build.py, with what package registries have; then on documents of its two schemas, up and down."""
    folder = str(tmp_path / "project")
    assert cli(installed, "migrations", "init", folder, "--lang", language).returncode == 0
    built = cli(installed, "migrations", "build", folder)
    assert built.returncode == 0, built.stderr
    done = cli(installed, "migrations", "test", "--project", folder, "--count", "50", "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["holds"] is True
    assert {step["direction"] for step in told["steps"]} == {"up", "down"}
    assert all(step["tried"] and step["roundTrip"] for step in told["steps"])
