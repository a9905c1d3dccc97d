"""The interpreter in the package is what its build script makes from packages: nobody has to believe a binary."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.services.fixtures import lacking
from versiqiid.adapters.wasm.lua import interpreter

BUILDER = Path(__file__).parents[3] / "plugins/migrations/lua/interpreter/build.py"


@pytest.mark.timeout(1200)  # the first build fetches Lua's source, through pip, which takes its time
def test_the_interpreter_can_be_made_again_byte_for_byte(tmp_path: Path) -> None:
    made = tmp_path / "lua.wasm"
    try:
        runpy.run_path(str(BUILDER))["build"](made)
    except RuntimeError as why:
        if "could not download" not in str(why):
            raise  # another file than it should be is no reason to skip
        lacking(str(why))
    assert made.read_bytes() == interpreter()
