"""What a doctor says about TLS: against a real Vault behind TLS, and addresses without it."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract import vault_setup as setup
from tests.services.fixtures import launch
from versiqiid.adapters.tls import Served, TlsProbe
from versiqiid.core.findings import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture
def vault_tls(request: pytest.FixtureRequest) -> Iterator[setup.VaultTls]:
    yield from launch(request, setup.VaultTls)


async def looked(url: str, ca: Path | None = None, *, later_s: float = 0, **more: Any) -> list[Finding]:
    def context() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(ca) if ca else None)

    served = Served("vault", (url,), context, **more)
    return list(await TlsProbe(served, wall=lambda: time.time() + later_s)())


@pytest.mark.vault
async def test_the_certificate_that_is_shown(vault_tls: setup.VaultTls, tmp_path: Path) -> None:
    """How long it is good for; an authority nobody trusts, a name that is not its own; our own certificate."""
    url, ca = vault_tls.url, vault_tls.ca
    (good,) = await looked(url, ca)
    assert good.level in (Level.OK, Level.WARNING)
    assert "TLSv1" in good.message
    (late,) = await looked(url, ca, later_s=100 * 366 * 86_400)
    assert (late.level, late.hint) == (Level.ERROR, "Renew the certificate.")
    (strange,) = await looked(url)
    assert strange.level is Level.ERROR
    assert "certificate" in strange.message.lower()
    (other,) = await looked(url, ca, server_name="somebody.else")
    assert other.level is Level.ERROR
    cert, _ = setup.certificate(tmp_path, "mine")
    _, mine = await looked(url, ca, client_cert=str(cert))
    assert mine.message.startswith(f"the client certificate {cert} is good for")
    assert mine.level is Level.WARNING, "for an hour"
    _, unreadable = await looked(url, ca, client_cert=str(tmp_path))
    assert unreadable.level is Level.ERROR


async def test_addresses_without_tls() -> None:
    """On this machine it is not needed; elsewhere the token can be read; unverified, anybody may answer."""
    assert [found.level for found in await looked("http://127.0.0.1:8200")] == [Level.OK]
    assert [found.level for found in await looked("http://[::1]:8200")] == [Level.OK]
    (plain,) = await looked("http://vault.internal:8200")
    assert plain.level is Level.WARNING
    assert plain.hint == "Use https://."
    (open_,) = await looked("https://vault.internal:8200", verified=False)
    assert open_.level is Level.WARNING
    (nobody,) = await looked("https://127.0.0.1:9")
    assert nobody.level is Level.ERROR
    assert await looked("unix:///run/consul.sock") == []
