"""The cross-region mapper: a config written for the version in one environment, as the version in another needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from versiqiid.api.gathering import Gathering
from versiqiid.api.migrations import Migrations, path_between
from versiqiid.api.service import Service
from versiqiid.core import keys as k
from versiqiid.core.canonical import Json
from versiqiid.core.document import check_value
from versiqiid.core.mapper import Account, Refusal
from versiqiid.core.objects import read_target
from versiqiid.core.plan import Stopped, open_case, resolve
from versiqiid.core.snapshot import Snapshot
from versiqiid.core.stash import Stash
from versiqiid.errors import InvalidInput, InvalidKey, NotFound

_BINDING = "mapper"  # stands for the binding that a mapped config does not have; it is in no store


@dataclass(frozen=True, slots=True)
class End:
    """One side of a mapping: the version that runs there, and the schema that it reads."""

    environment: str
    version: str
    schema: str

    def as_json(self) -> dict[str, str]:
        return {"environment": self.environment, "version": self.version, "schema": self.schema}


@dataclass(frozen=True, slots=True)
class Mapped:
    target: str
    start: End
    end: End
    account: Account

    def as_json(self) -> dict[str, Any]:
        told = {"target": self.target, "from": self.start.as_json(), "to": self.end.as_json()}
        return told | self.account.as_json()


class Maps:
    """Maps configs between environments. Nothing is written."""

    def __init__(self, service: Service, migrations: Migrations) -> None:
        self._service = service
        self._migrations = migrations

    async def map(self, target: str, start: str, end: str, config: Json, stashes: Sequence[Stash] = ()) -> Mapped:
        """The config as the version in ``end`` needs it, validated there, with the account of its way.

        A config that cannot be carried is refused in the account.

        :param start: the environment for whose version the config is written.
        :raises NotFound: no such target or family, or no version in one of the environments.
        :raises InvalidInput: what stands there cannot be used.
        """
        check_value(config)
        gathering = Gathering(self._service.store, self._service.root)
        await self._gather(gathering, target, (start, end))
        snapshot = gathering.snapshot()
        ends = [_end(snapshot, target, environment) for environment in (start, end)]
        family = snapshot.parsed(f"targets/{target}", read_target).family
        path = path_between(snapshot, family, ends[0].schema, ends[1].schema)
        if path is None:
            reason = f"no migration path in family {family} leads from schema {ends[0].schema} to {ends[1].schema}"
            account = Account(config, (ends[0].schema,), stashes=list(stashes), refusal=Refusal(reason))
        else:
            account = await self._migrations.carried(gathering, family, path, config, stashes)
        return Mapped(target, ends[0], ends[1], account)

    async def _gather(self, gathering: Gathering, target: str, environments: Sequence[str]) -> None:
        """The target with its family, and what runs in the environments."""
        if not k.is_segment(target):
            raise InvalidKey(f"target {target[:80]!r} is no segment of a key")
        for environment in environments:
            k.check_key(environment)
        await gathering.get(f"targets/{target}")
        await gathering.under(f"targets/{target}/")
        snapshot = gathering.snapshot()
        if snapshot.get(f"targets/{target}") is None:
            raise NotFound(f"targets/{target} does not exist", hint="See `versiqii targets list`.")
        described = snapshot.parsed(f"targets/{target}", read_target)
        await gathering.family(described.family)
        others = [each.target for each in (*described.requires, *described.accepts)] if described.blocks else []
        await gathering.get(*(f"targets/{other}" for other in others))
        for place in (place for environment in environments for place in k.lineage(environment)):
            await gathering.get(*(k.version_key(place, name) for name in (target, *others)))


def _end(snapshot: Snapshot, target: str, environment: str) -> End:
    """Which version runs there and which schema it reads, by the rule of the key layout."""
    binding = k.BindingId(environment, target, _BINDING)
    snapshot.wrote(k.binding_key(binding), b"", 1)
    case = open_case(snapshot, binding)
    try:
        resolve(case)
    except Stopped as stop:
        kind = InvalidInput if case.target_version else NotFound
        raise kind(f"{target} in {environment}: {stop.reason}") from stop
    return End(environment, case.target_version or "", case.schema_version or "")
