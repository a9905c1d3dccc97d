"""Programs that single tests need besides the five services: built by name (`make services SERVICES=toxiproxy`)."""

from __future__ import annotations

from tests.services.recipes import GoInstall, GoModule, PythonTool

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

TLOGCHECK = GoModule("tlogcheck", "0.29.0", (0, 29), "a few seconds", package=".")
"""``golang.org/x/mod/sumdb`` of that version with a ``main`` of ours around it."""

REGISTRYCHECK = GoModule("registrycheck", "1.8.0", (1, 8), "a few seconds", package=".")
"""franz-go's client of the Schema-Registry protocol of that version, with a ``main`` of ours around it."""

AICS_WITNESS = PythonTool("aics-witness", "0.1.0", (0, 1), "some seconds")
"""A witness (C2SP ``tlog-witness``) and a verifier (``aics_tlog``) by others."""

NEEDED = (VERSITYGW, TESSERA_FSCK, TLOGCHECK, REGISTRYCHECK, AICS_WITNESS)
"""What `make services` gets besides the five: tests need them."""

TOOLS = (TOXIPROXY, CONSUL_TEMPLATE, *NEEDED)
