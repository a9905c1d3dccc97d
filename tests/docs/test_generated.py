"""Every setting, flag, metric, entry type, command and endpoint is documented: the pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import generated
from tests.e2e.processes import Daemon

ADVICE = "run: python -m tests.docs.generated"


@pytest.mark.parametrize("name", generated.SECTIONS)
def test_the_page_says_what_the_code_says(name: str) -> None:
    """No more and no less; a change of the code is a change of the page."""
    page, make = generated.SECTIONS[name]
    found = generated.section((generated.DOCS / page).read_text(encoding="utf-8"), name)
    assert found == make(), ADVICE


def test_every_endpoint_is_documented(tmp_path: Path) -> None:
    """As the daemon's own OpenAPI document lists them."""
    daemon = Daemon(tmp_path).start()
    try:
        with daemon.client() as client:
            openapi = client.get("/openapi.json").json()
    finally:
        daemon.close()
    name, page = generated.ENDPOINTS
    found = generated.section((generated.DOCS / page).read_text(encoding="utf-8"), name)
    assert found == generated.endpoints(openapi), ADVICE
