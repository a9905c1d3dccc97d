"""A small fleet on a Consul cluster, and what may ever be seen of it: the scene of the fault tests.

Every config carries a serial number that its owners only ever raise. So whatever is seen under ``effective/`` must be
one of the documents that the rule can give, and must not be older than what was seen before.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.services.wire import Reply, call

ROOT = "versiqii"
AT_ONCE = 60
TICKET = "operators/ticket"
SERIAL = {"type": "integer", "minimum": 1}
UP = [{"op": "add", "path": "/scan", "value": {}}, {"op": "move", "from": "/serial", "path": "/scan/serial"}]
DOWN = [{"op": "move", "from": "/scan/serial", "path": "/serial"}, {"op": "remove", "path": "/scan"}]


def schema(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def world() -> dict[str, bytes]:
    """What every fleet shares: two schemas, and a way up and down."""
    documents = {
        "families/scan": {"language": "json-schema"},
        "schemas/scan/1.0.0": schema(serial=SERIAL),
        "schemas/scan/2.0.0": schema(scan=schema(serial=SERIAL)),
        "migrations/scan/1.0.0/2.0.0": {"runtime": "json-patch", "patch": UP},
        "migrations/scan/2.0.0/1.0.0": {"runtime": "json-patch", "patch": DOWN},
        "targets/av": {"family": "scan", "schemas": {"1.x": "1.0.0", "2.x": "2.0.0"}},
    }
    return {key: json.dumps(document).encode() for key, document in documents.items()}


def serials(names: Iterable[str], serial: int) -> dict[str, bytes]:
    """The configs of these names at one serial number."""
    return {f"configs/av/1.0.0/{name}": json.dumps({"serial": serial}).encode() for name in names}


def serial_of(value: bytes) -> int | None:
    """The serial number in an effective config, None when it is none that the rule can give."""
    try:
        document = json.loads(value)
    except ValueError:
        return None
    inner = document.get("scan", document) if isinstance(document, dict) else None
    serial = inner.get("serial") if isinstance(inner, dict) else None
    if type(serial) is not int:
        return None
    known = (f'{{"serial":{serial}}}', f'{{"scan":{{"serial":{serial}}}}}')
    return serial if value.decode() in known else None


def judge(_key: str, before: bytes | None, now: bytes | None) -> str | None:
    """What is wrong with one effective config having been this and being that now."""
    if now is None:
        return "it is gone"
    serial, earlier = serial_of(now), serial_of(before) if before is not None else None
    if serial is None:
        return f"no config that the rule can give: {now!r}"
    if earlier is not None and serial < earlier:
        return f"serial {serial} after {earlier}"
    return None


def _operation(verb: str, key: str, value: bytes, **more: Any) -> dict[str, Any]:
    return {"KV": {"Verb": verb, "Key": key, "Value": base64.b64encode(value).decode(), **more}}


def digest(value: bytes) -> str:
    return f"sha256:{hashlib.sha256(value).hexdigest()}"


class Operators:
    """People with ``consul kv put``: they try one server after the other until one takes what they write.

    :ivar avoided: a server that is frozen: what it was asked it would do when it wakes, over what was written since.
    """

    def __init__(self, addresses: Sequence[str], *, token: str = "", within_s: float = 60) -> None:
        self._addresses = addresses
        self._headers = {"X-Consul-Token": token} if token else {}
        self._within_s = within_s
        self.avoided = ""

    def ask(self, method: str, path: str, body: object = None, *, done: Callable[[Reply], bool]) -> Reply:
        """The first answer that is one."""
        deadline = time.monotonic() + self._within_s
        told = ""
        while time.monotonic() < deadline:
            for address in self._addresses:
                if address == self.avoided:
                    continue
                try:
                    answer = call(address, method, path, body, headers=self._headers, timeout_s=5)
                except OSError as error:
                    told = str(error)
                    continue
                if done(answer):
                    return answer
                told = f"{answer.status} {answer.body[:200]!r}"
            time.sleep(0.1)
        raise AssertionError(f"{method} {path}: no answer within {self._within_s} s, at last {told}")

    def put(self, keys: dict[str, bytes], at_once: int = AT_ONCE) -> None:
        """Write keys, so many in one transaction, each exactly once.

        A server whose answer was lost may do what it was asked much later, over what was written since. So each
        transaction moves a ticket from where it stood, and can happen only once and only before the next.
        """
        names = list(keys)
        for start in range(0, len(names), at_once):
            operations = [_operation("set", f"{ROOT}/{key}", keys[key]) for key in names[start : start + at_once]]
            self._once(uuid.uuid4().hex.encode(), operations)

    def _once(self, ticket: bytes, operations: list[dict[str, Any]]) -> None:
        while True:
            found = self.ask("GET", f"/v1/kv/{TICKET}?consistent", done=lambda answer: answer.status in {200, 404})
            (entry,) = found.json() if found.status == 200 else ({"Value": None, "ModifyIndex": 0},)
            if base64.b64decode(entry["Value"] or "") == ticket:
                return
            guard = _operation("cas", TICKET, ticket, Index=entry["ModifyIndex"])
            answer = self.ask("PUT", "/v1/txn", [guard, *operations], done=lambda answer: answer.status in {200, 409})
            if answer.status == 200:
                return

    def tree(self, room: str) -> dict[str, bytes]:
        """Everything under a room, by a consistent read."""
        path = f"/v1/kv/{ROOT}/{room}/?recurse&consistent"
        answer = self.ask("GET", path, done=lambda answer: answer.status in {200, 404})
        prefix = f"{ROOT}/{room}/"
        return {e["Key"].removeprefix(prefix): base64.b64decode(e["Value"] or "") for e in answer.json() or ()}
