"""The keys behind ``versiqii kv``: the daemon's REST, or a store opened here and now."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol, TypeVar

from versiqiid.cli.session import Session
from versiqiid.errors import InvalidInput, NotFound

T = TypeVar("T")


class Keyspace(Protocol):
    """Relative keys to raw values; rows are ``{key, raw, revision, created, updated}``."""

    def get(self, key: str) -> dict[str, Any]: ...
    def put(self, key: str, raw: bytes, revision: int | None) -> int: ...
    def list(self, prefix: str) -> list[dict[str, Any]]: ...
    def delete(self, key: str, revision: int | None) -> None: ...
    def transact(self, raw: bytes) -> int: ...
    def watch(self, prefix: str) -> Iterator[dict[str, Any]]: ...


class Online:
    """Through the daemon."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, key: str) -> dict[str, Any]:
        room, _, rest = key.rpartition("/")
        answer = self._session.key(key)
        times = next((item for item in self._near(f"{room}/", key) if item["key"] == key), {}) if rest else {}
        return {**times, "key": key, "raw": answer.raw, "revision": answer.etag}

    def put(self, key: str, raw: bytes, revision: int | None) -> int:
        if revision == 0:
            return self._create(key, raw)
        return int(self._session.put(key, raw, over="*" if revision is None else revision)["revision"])

    def _create(self, key: str, raw: bytes) -> int:
        answer = self._session.request("PUT", f"/v1/{key}", body=raw, headers={"If-None-Match": "*"})
        return int(answer.json()["revision"])

    def list(self, prefix: str) -> list[dict[str, Any]]:
        from versiqiid.core.keys import DAEMON, DESIRED  # noqa: PLC0415

        rooms = [f"{prefix}/"] if prefix else [f"{room}/" for room in sorted((*DESIRED, *DAEMON))]
        return [item for room in rooms for item in self._session.items(room, values=False)]

    def delete(self, key: str, revision: int | None) -> None:
        headers = {"If-Match": "*" if revision is None else f'"{revision}"'}
        self._session.request("DELETE", f"/v1/{key}", headers=headers)

    def transact(self, raw: bytes) -> int:
        return int(self._session.request("POST", "/v1/txn", body=raw).json()["revision"])

    def watch(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Events as the journal records them: of desired keys, and of effective keys as they are settled."""
        for entry in self._session.stream("/v1/events"):
            data = entry["data"]
            key = data.get("key") or (f"effective/{data['binding']}" if data.get("binding") else "")
            if key and (not prefix or f"{key}/".startswith(f"{prefix}/")):
                yield {"event": _event(entry), "key": key, "revision": data.get("revision"), "time": entry["time"]}

    def _near(self, room: str, key: str) -> list[dict[str, Any]]:
        page = self._session.get(f"/v1/{room}", page_size="1", page_token=key[:-1]).json()
        return list(page["items"])


class Offline:
    """Straight at a store. A daemon that runs on it sees these writes as plain key writes."""

    def __init__(self, url: str, root: str) -> None:
        self._url = url
        self._root = root

    def get(self, key: str) -> dict[str, Any]:
        async def work(store: Any) -> Any:
            return await store.get(f"{self._root}/{key}")

        entry = self._with(work)
        if entry is None:
            raise NotFound(f"key {key!r} does not exist")
        return self._row(entry)

    def put(self, key: str, raw: bytes, revision: int | None) -> int:
        from versiqiid.ports import Set  # noqa: PLC0415

        return self._commit([Set(f"{self._root}/{key}", raw, revision)])

    def list(self, prefix: str) -> list[dict[str, Any]]:
        async def work(store: Any) -> Any:
            return await store.scan(f"{self._root}/{prefix}/" if prefix else f"{self._root}/")

        return [self._row(entry) for entry in self._with(work).entries]

    def delete(self, key: str, revision: int | None) -> None:
        from versiqiid.ports import Delete  # noqa: PLC0415

        self.get(key)
        self._commit([Delete(f"{self._root}/{key}", revision)])

    def transact(self, raw: bytes) -> int:
        from versiqiid.ports import Check, Delete, Operation, Set  # noqa: PLC0415

        told = json.loads(raw)
        operations: list[Operation] = []
        for operation in told["operations"]:
            key, revision = f"{self._root}/{operation['key']}", operation.get("revision")
            match operation["op"]:
                case "set":
                    value = operation.get("value")
                    body = value.encode() if value is not None else base64.b64decode(operation["valueBase64"])
                    operations.append(Set(key, body, revision))
                case "delete":
                    operations.append(Delete(key, revision))
                case "check":
                    operations.append(Check(key, revision or 0))
                case other:
                    raise InvalidInput(f"unknown operation {other!r}; known are set, delete, check")
        return self._commit(operations)

    def watch(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Events of the store itself. A generator cannot await, so each batch is fetched by a loop of its own."""
        from versiqiid.cli.offline import follow  # noqa: PLC0415

        yield from follow(self._url, f"{self._root}/{prefix}/" if prefix else f"{self._root}/", len(self._root) + 1)

    def _commit(self, operations: Any) -> int:
        async def work(store: Any) -> Any:
            return await store.commit(operations)

        return int(self._with(work))

    def _with(self, work: Callable[[Any], Awaitable[T]]) -> T:
        from versiqiid.cli.offline import with_store  # noqa: PLC0415

        return with_store(self._url, work)

    def _row(self, entry: Any) -> dict[str, Any]:
        from versiqiid.core.times import rfc3339  # noqa: PLC0415

        return {
            "key": entry.key[len(self._root) + 1 :],
            "raw": entry.value,
            "revision": entry.revision,
            "created": rfc3339(entry.created) if entry.created is not None else None,
            "updated": rfc3339(entry.updated) if entry.updated is not None else None,
        }


def _event(entry: dict[str, Any]) -> str:
    data = entry["data"]
    if data.get("digest", data.get("effectiveDigest")) is None:
        return "deleted"
    return "updated" if data.get("previousDigest") else "created"


