"""What every test folder shares: the real services and the event loop."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.services.fixtures"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """asyncio, unless a test asks for trio by parametrising this name."""
    return "asyncio"
