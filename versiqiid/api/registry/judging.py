"""Whether a schema may follow the versions of its subject, by the subject's setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from versiqiid.api.registry.faults import invalid_schema
from versiqiid.api.registry.finding import Asked
from versiqiid.api.registry.resolving import Resolver
from versiqiid.api.registry.state import Here, State
from versiqiid.core.compatibility import Direction, Level
from versiqiid.core.registry import records as r
from versiqiid.core.registry.content import Content, Text
from versiqiid.core.registry.messages import ordered
from versiqiid.core.registry.settings import Setting
from versiqiid.errors import UnusableSchema


@dataclass(frozen=True, slots=True)
class Outcome:
    """:ivar messages: why not; empty when it is compatible."""

    compatible: bool
    messages: tuple[str, ...] = ()


class Judging:
    """Judges a new content against versions that are there."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def against(
        self,
        here: Here,
        versions: Sequence[r.Numbered],
        asked: Asked,
        setting: Setting,
    ) -> Outcome:
        """Whether the content keeps the promise to these versions, in the directions of the setting's level.

        :param versions: newest first; those of another group are passed over.
        :raises RegistryFault: the content is no schema. :raises UnusableSchema: a stored one is none.
        """
        resolver, content = Resolver(self._state), asked.content
        newest = await resolver.stored(here, versions[0]) if versions else None
        told = [[why] for why in reserved_faults(asked, newest)] if setting.validates_fields else []
        if setting.level is not Level.NONE:
            told += await self._against_texts(resolver, here, versions, content, setting)
        lines = ordered(iter(told)) if told else []
        return Outcome(not told, (*lines[:-1], *_closing(lines, setting)) if lines else ())

    async def _against_texts(
        self, resolver: Resolver, here: Here, versions: Sequence[r.Numbered], content: Content, setting: Setting
    ) -> list[list[str]]:
        """Why not, for each version that is not kept a promise to."""
        told: list[list[str]] = []
        new = await resolver.text(content)
        for version in versions:
            earlier = await resolver.stored(here, version)
            if _group(setting, earlier) != _group(setting, content):
                continue
            if earlier.type is not content.type:
                return [[_other_type(earlier, content)]]
            verdict = await self._judge(await resolver.text(earlier), new, setting)
            if verdict:
                told.append([*verdict, f"{{oldSchemaVersion: {version.number}}}", f"{{oldSchema: '{earlier.text}'}}"])
            if not setting.level.transitive:
                break  # of its group, this was the newest
        return told

    async def _judge(self, old: Text, new: Text, setting: Setting) -> list[str]:
        """Why not, nothing when it may."""
        found: list[str] = []
        for direction in setting.level.directions:
            pair = (old, new) if direction is Direction.BACKWARD else (new, old)
            try:
                compatible, messages = await self._state.reader.judge(*pair, setting.policy)
            except UnusableSchema as error:
                raise invalid_schema(error.message) from error
            if not compatible:
                told = messages or ("{errorType:'INCOMPATIBLE'}",)
                found += told if len(setting.level.directions) == 1 else (_towards(each, direction) for each in told)
        return found


def reserved_faults(asked: Asked, newest: Content | None) -> list[str]:
    """A name that is reserved is no field's, and stays reserved; what is wrong about that."""
    own, fields = asked.content.reserved, asked.form.fields
    gone = [name for name in (newest.reserved if newest else ()) if name not in own]
    return [
        *(
            _reserved("RESERVED_FIELD_REMOVED", f"the new schema has reserved field {name} removed from its metadata")
            for name in gone
        ),
        *(
            _reserved("FIELD_CONFLICTS", f"the new schema has a field that conflicts with the reserved field {name}")
            for name in own
            if name in fields
        ),
    ]


def _towards(line: str, direction: Direction) -> str:
    """The line with the direction in which it counts, where both do."""
    return f"{line[:-1]}, direction:'{direction.name}'}}" if line.startswith("{") and line.endswith("}") else line


def _reserved(kind: str, why: str) -> str:
    return f"{{errorType:'{kind}', description:'{why}'}}"


def considered(here: Here, setting: Setting) -> tuple[r.Numbered, ...]:
    """The versions that count for a new one, newest first; which of them do in the end, their groups decide."""
    newest_first = here.live[::-1]
    return newest_first if setting.level.transitive or setting.group else newest_first[:1]


def _group(setting: Setting, content: Content) -> str | None:
    if setting.group is None:
        return None
    properties = (content.metadata or {}).get("properties")
    found = properties.get(setting.group) if isinstance(properties, dict) else None
    return None if found is None else str(found)


def _closing(lines: list[str], setting: Setting) -> tuple[str, ...]:
    """The last line, with the level before it: a witness stays the last."""
    level = f"{{validateFields: '{str(setting.validates_fields).lower()}', compatibility: '{setting.level.value}'}}"
    return (level, lines[-1]) if lines[-1].startswith("witness: ") else (lines[-1], level)


def _other_type(earlier: Content, content: Content) -> str:
    what = f"the earlier schema is of type {earlier.type}, this one of type {content.type}"
    return f"{{errorType:'SCHEMA_TYPE_CHANGED', description:'Incompatible because of different schema type: {what}'}}"
