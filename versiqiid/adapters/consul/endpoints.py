"""The endpoint classes of python-consul2 that are used, on our transport. Paths and parameters are the library's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consul import base

if TYPE_CHECKING:
    from versiqiid.adapters.consul.transport import AnyioHTTP, Reply


class Endpoints:
    """What the library calls the agent, made of the parts we use.

    The library's own class is not constructed: its constructor lets the environment override what it is given, fails on
    addresses that Consul's own client takes, and warns each time (``docs/consul-rules.md`` C3 to C5, C25).
    """

    def __init__(self, http: AnyioHTTP) -> None:
        self.http = http
        self.token = None  # added by the transport, at each request anew
        self.dc = None  # likewise
        self.consistency = "default"
        self.agent = base.Consul.Agent(self)
        self.kv = base.Consul.KV(self)
        self.session = base.Consul.Session(self)
        self.txn = base.Consul.Txn(self)

    async def create_session(self, body: bytes) -> Reply:
        """As ``session.create``, but what Consul takes is Consul's decision: the library asserts limits of its own,
        while ``session_ttl_min`` is a setting of the server (C20).
        """
        reply: Reply = await self.http.put(base.CB.json(is_id=True), "/v1/session/create", data=body)
        return reply
