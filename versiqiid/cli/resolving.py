"""Which schema a target's version reads, asked of the daemon: the rule itself is the core's."""

from __future__ import annotations

from typing import Any

from versiqiid.cli.session import Session
from versiqiid.errors import InvalidVersion, NotFound


def family_of(session: Session, target: str) -> str:
    """
    :raises NotFound: no such target. :raises Unreadable: its description cannot be read.
    """
    from versiqiid.core.objects import read_target  # noqa: PLC0415

    return read_target(session.key(f"targets/{target}").raw).family


def schema_of(session: Session, target: str, version: str) -> tuple[str, str]:
    """Family and schema version that a version of a target reads (step 4 of the rule in the key layout).

    :raises NotFound: no such target, or none or several schemas are named for this version.
    :raises InvalidVersion: no version of the target's scheme.
    """
    from versiqiid.core.objects import read_override, read_target  # noqa: PLC0415
    from versiqiid.core.versions import parse  # noqa: PLC0415

    described = read_target(session.key(f"targets/{target}").raw)
    parsed = parse(described.versioning, version)
    try:
        override = read_override(session.key(f"targets/{target}/{version}").raw).schema
    except NotFound:
        override = None
    named = {override} if override else {schema for known, schema in described.schemas if known.contains(parsed)}
    if len(named) != 1:
        count = "no schema is" if not named else "several schemas are"
        hint = (
            f"See `versiqii targets list -o wide`, or name one: versiqii targets create {target} --version {version} …"
        )
        raise NotFound(f"{count} named for {target} {version}", hint=hint)
    return described.family, str(named.pop())


def running_version(session: Session, environment: str, target: str) -> str:
    """The version that runs in an environment, its own or inherited.

    :raises NotFound: none is set at or above it.
    """
    from versiqiid.core.keys import lineage, version_key  # noqa: PLC0415

    for place in lineage(environment):
        try:
            return session.key(version_key(place, target)).raw.decode("utf-8", "replace").strip()
        except NotFound:
            continue
    hint = f"Set one: versiqii env set-target {environment} {target} VERSION"
    raise NotFound(f"no version of {target} is set at or above {environment}", hint=hint)


def newest_schema(session: Session, family: str) -> str:
    """The newest registered schema version of a family, by the family's own order.

    :raises NotFound: no such family, or it has no schema.
    """
    from versiqiid.core.objects import read_family  # noqa: PLC0415
    from versiqiid.core.versions import order_key, parse  # noqa: PLC0415

    scheme = read_family(session.key(f"families/{family}").raw).versioning
    found: list[tuple[Any, str]] = []
    for item in session.items(f"schemas/{family}/", values=False):
        version = item["key"].rpartition("/")[2]
        try:
            found.append((order_key(parse(scheme, version)), version))
        except InvalidVersion:
            continue
    if not found:
        raise NotFound(f"family {family} has no schema", hint=f"Register one: versiqii schemas add --family {family} …")
    if len(found) > 1 and not scheme.ordered:
        raise NotFound(f"the schemas of {family} have no order", hint="Name one with --schema.")
    return str(max(found)[1])


def guessed_versioning(version: str) -> str:
    """The scheme that a version text most likely belongs to; semver when none fits."""
    from versiqiid.core.versions import Scheme, parse  # noqa: PLC0415

    for scheme in (Scheme.SEMVER, Scheme.SEQUENCE, Scheme.DATE, Scheme.PEP440, Scheme.GIT_SHA):
        try:
            parse(scheme, version)
        except InvalidVersion:
            continue
        return str(scheme.value)
    return str(Scheme.SEMVER.value)
