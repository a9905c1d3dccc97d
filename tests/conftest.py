"""What every test folder shares: the real services, the event loop, and how Hypothesis searches."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.services.catalogue import required

# No example fails for being slow: how long one takes says more about the machine's other work than about the code.
# Where a run is a verdict it repeats itself exactly; elsewhere every run searches anew.
settings.register_profile(
    "versiqii", deadline=None, derandomize=required(), print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("versiqii")

pytest_plugins = ["tests.services.fixtures"]

# A shell that runs the tests in the background lets them ignore interrupts, and programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """asyncio, unless a test asks for trio by parametrising this name."""
    return "asyncio"
