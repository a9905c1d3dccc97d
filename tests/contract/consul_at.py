"""Where the Consul of a test is, as a store takes it, or where none is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.services.wire import free_ports
from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses

if TYPE_CHECKING:
    from tests.services.consul import Consul


def at(*servers: Consul | str, **more: object) -> ConsulSettings:
    """These servers or addresses, in this order, with other settings by name."""
    addresses = (server if isinstance(server, str) else server.address for server in servers)
    return ConsulSettings(parse_addresses(",".join(addresses)), **more)  # type: ignore[arg-type]


def dead() -> str:
    """An address where nobody listens."""
    return f"127.0.0.1:{free_ports(1)[0]}"
