"""Programs that single tests need besides the five services: built by name (`make services SERVICES=toxiproxy`)."""

from __future__ import annotations

from tests.services.recipes import GoInstall

TOXIPROXY = GoInstall(
    "toxiproxy", "2.12.0", (2, 12), "about 10 seconds", package="github.com/Shopify/toxiproxy/v2/cmd/server"
)
CONSUL_TEMPLATE = GoInstall(
    "consul-template", "0.41.1", (0, 41), "half a minute", package="github.com/hashicorp/consul-template"
)
VERSITYGW = GoInstall(
    "versitygw", "1.8.0", (1, 8), "about a minute", package="github.com/versity/versitygw/cmd/versitygw"
)
TESSERA_FSCK = GoInstall(
    "tessera-fsck", "1.0.0", (1,), "about 10 seconds", package="github.com/transparency-dev/tessera/cmd/fsck"
)

TOOLS = (TOXIPROXY, CONSUL_TEMPLATE, VERSITYGW, TESSERA_FSCK)
