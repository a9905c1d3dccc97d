"""Every program by name, and whether a missing one is an error."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.services.consul import CONSUL
from tests.services.kafka import KAFKA
from tests.services.postgres import POSTGRES
from tests.services.prometheus import PROMETHEUS
from tests.services.tools import NEEDED, TOOLS
from tests.services.vault import VAULT

if TYPE_CHECKING:
    from tests.services.recipes import Recipe

SERVICES: dict[str, Recipe] = {one.name: one for one in (CONSUL, VAULT, KAFKA, POSTGRES, PROMETHEUS)}
"""The five, those that are there in seconds last so that the long builds are seen first."""

DEFAULT = (*SERVICES, *(one.name for one in NEEDED))
"""What `make services` gets."""

RECIPES: dict[str, Recipe] = SERVICES | {one.name: one for one in TOOLS}


def required() -> bool:
    """Whether a missing service is a failure rather than a reason to skip."""
    return os.environ.get("CI", "").lower() in {"true", "1"} or os.environ.get("VERSIQII_REQUIRE_SERVICES") == "1"
