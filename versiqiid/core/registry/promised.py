"""What a subject of the registry endpoint promises, as the endpoint itself would keep it; read from a snapshot. Pure.

The setting of the subject comes before that of its context and that of every context; where nobody said anything, the
protocol's default holds. Versions count that are not softly deleted, of the same group of metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from versiqiid.core.compatibility import Level
from versiqiid.core.document import read
from versiqiid.core.linked import read_record, read_subject
from versiqiid.core.registry import records as r
from versiqiid.core.registry.settings import FAMILY_FIELDS, Setting
from versiqiid.core.registry.subjects import DEFAULT_CONTEXT, GLOBAL, family_of, split
from versiqiid.errors import InvalidInput

if TYPE_CHECKING:
    from versiqiid.core.objects import Family
    from versiqiid.core.snapshot import Reads

_IMPORT: Final = "IMPORT"


def setting_of(reads: Reads, family: str, described: Family) -> Setting:
    """What holds for the subject; while schemas are imported into it, it promises nothing."""
    own = _subject(reads, r.subject_key(family))
    if own.mode == _IMPORT:
        return Setting({"compatibilityLevel": Level.NONE})
    setting = Setting({**_family_fields(reads, family), **own.settings})
    context, name = split(described.subject or family)
    if context == DEFAULT_CONTEXT or name:
        around = r.ALL if context == DEFAULT_CONTEXT else r.subject_key(family_of(f":{context}:"))
        setting = setting.under(Setting(_subject(reads, around).settings))
    return setting.under(Setting(_subject(reads, r.subject_key(family_of(GLOBAL))).settings))


def before(reads: Reads, family: str, version: str, candidates: tuple[str, ...], setting: Setting) -> tuple[str, ...]:
    """Those of the candidates that the version must go with.

    :param candidates: earlier published versions, newest first.
    """
    numbers = {each.name: each for each in _subject(reads, r.subject_key(family)).versions}
    there = [name for name in candidates if name not in numbers or not numbers[name].deleted]
    if setting.group is not None:
        group = _group(reads, numbers.get(version), setting.group)
        there = [name for name in there if _group(reads, numbers.get(name), setting.group) == group]
    return tuple(there if setting.level.transitive else there[:1])


def _subject(reads: Reads, key: str) -> r.Subject:
    return reads.read(key, read_subject) or r.Subject()


def _family_fields(reads: Reads, family: str) -> dict[str, Any]:
    """The fields of the setting that stand in the family's own document; it tells apart what was said and what not."""
    try:
        told = reads.read(f"families/{family}", read)
    except InvalidInput:
        return {}
    return {name: told[kept] for name, kept in FAMILY_FIELDS.items() if isinstance(told, dict) and kept in told}


def _group(reads: Reads, numbered: r.Numbered | None, named: str) -> str | None:
    record = reads.read(r.id_key(numbered.id), read_record) if numbered is not None else None
    properties = (record.metadata or {}).get("properties") if record is not None else None
    found = properties.get(named) if isinstance(properties, dict) else None
    return None if found is None else str(found)
