"""The keys behind ``versiqii kv``: the daemon's REST, or a store opened here and now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol, TypeVar

from versiqiid.cli.session import Session
from versiqiid.errors import NotFound

T = TypeVar("T")


class Keyspace(Protocol):
    """Relative keys to raw values; rows are ``{key, raw?, revision, created, updated}``."""

    def get(self, key: str) -> dict[str, Any]: ...
    def put(self, key: str, raw: bytes, revision: int | None) -> int: ...
    def list(self, prefix: str) -> list[dict[str, Any]]: ...
    def delete(self, key: str, revision: int | None) -> None: ...
    def transact(self, raw: bytes) -> int: ...
    def watch(self, prefix: str, begun: Callable[[], None]) -> Iterator[dict[str, Any]]: ...


class Online:
    """Through the daemon."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, key: str) -> dict[str, Any]:
        with_times = self._session.output in ("json", "yaml")
        answer = self._session.key(key)
        times = self._times(key) if with_times else {}
        return {**times, "key": key, "raw": answer.raw, "revision": answer.etag}

    def put(self, key: str, raw: bytes, revision: int | None) -> int:
        headers = _expecting(revision) if revision != 0 else {"If-None-Match": "*"}
        return int(self._session.request("PUT", f"/v1/{key}", body=raw, headers=headers).json()["revision"])

    def list(self, prefix: str) -> list[dict[str, Any]]:
        return self._session.items(f"{prefix}/" if prefix else "", values=False)

    def delete(self, key: str, revision: int | None) -> None:
        self._session.request("DELETE", f"/v1/{key}", headers=_expecting(revision))

    def transact(self, raw: bytes) -> int:
        return int(self._session.request("POST", "/v1/txn", body=raw).json()["revision"])

    def watch(self, prefix: str, begun: Callable[[], None]) -> Iterator[dict[str, Any]]:
        from versiqiid.core.keys import parse  # noqa: PLC0415

        place = prefix.rpartition("/")[0] if parse(prefix) is not None else prefix
        for event in self._session.stream(f"/v1/{place}/" if place else "/v1/", begun=begun):
            if not prefix or f"{event['key']}/".startswith(f"{prefix}/"):
                yield event

    def _times(self, key: str) -> dict[str, Any]:
        room = key.rpartition("/")[0]
        page = self._session.get(f"/v1/{room}/", page_size="1", page_token=key[:-1]).json()
        return next((item for item in page["items"] if item["key"] == key), {})


class Offline:
    """Straight at a store, like any other program that writes keys there: nothing but the store's own rules holds."""

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

        there = int(self.get(key)["revision"])
        self._commit([Delete(f"{self._root}/{key}", there if revision is None else revision)])

    def transact(self, raw: bytes) -> int:
        from versiqiid.cli.transaction import operations  # noqa: PLC0415

        return self._commit(operations(raw, self._root))

    def watch(self, prefix: str, begun: Callable[[], None]) -> Iterator[dict[str, Any]]:
        """Events of the store itself."""
        from versiqiid.cli.offline import follow  # noqa: PLC0415

        for event in follow(self._url, f"{self._root}/", begun):
            key = event["key"][len(self._root) + 1 :]
            if not prefix or f"{key}/".startswith(f"{prefix}/"):
                yield event | {"key": key}

    def _commit(self, operations: Any) -> int:
        async def work(store: Any) -> Any:
            return await store.commit(operations)

        return int(self._with(work, create=True))

    def _with(self, work: Callable[[Any], Awaitable[T]], *, create: bool = False) -> T:
        from versiqiid.cli.offline import with_store  # noqa: PLC0415

        return with_store(self._url, work, create=create)

    def _row(self, entry: Any) -> dict[str, Any]:
        from versiqiid.core.times import rfc3339  # noqa: PLC0415

        return {
            "key": entry.key[len(self._root) + 1 :],
            "raw": entry.value,
            "revision": entry.revision,
            "created": rfc3339(entry.created) if entry.created is not None else None,
            "updated": rfc3339(entry.updated) if entry.updated is not None else None,
        }


def _expecting(revision: int | None) -> dict[str, str]:
    return {"If-Match": "*" if revision is None else f'"{revision}"'}
