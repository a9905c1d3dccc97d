"""What the protocol calls its errors: a status, a number that clients know, and a sentence.

After https://docs.confluent.io/platform/current/schema-registry/develop/api.html#errors; sentences are kept close to
those that clients look for.
"""

from __future__ import annotations

from typing import Final

from versiqiid.core.registry.subjects import split
from versiqiid.errors import Refused

INVALID_SCHEMA: Final = 42201


class RegistryFault(Refused):
    """An answer of the Schema-Registry protocol that is no success. Nothing was changed.

    :ivar number: the protocol's own error code, such as 40401. :ivar status: of HTTP.
    """

    code = "registry_fault"

    def __init__(self, number: int, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.number = number
        self.status = status or int(str(number)[:3])


def subject_not_found(subject: str) -> RegistryFault:
    return RegistryFault(40401, f"Subject '{subject}' not found.")


def version_not_found(version: object) -> RegistryFault:
    return RegistryFault(40402, f"Version {version} not found.")


def schema_not_found(number: int | str | None = None) -> RegistryFault:
    return RegistryFault(40403, "Schema not found" if number is None else f"Schema {number} not found")


def subject_soft_deleted(subject: str) -> RegistryFault:
    return RegistryFault(40404, f"Subject '{subject}' was soft deleted.Set permanent=true to delete permanently")


def subject_not_soft_deleted(subject: str) -> RegistryFault:
    return RegistryFault(40405, f"Subject '{subject}' was not deleted first before being permanently deleted")


def version_soft_deleted(subject: str, version: int) -> RegistryFault:
    return RegistryFault(
        40406, f"Subject '{subject}' Version {version} was soft deleted. Set permanent=true to delete permanently"
    )


def version_not_soft_deleted(subject: str, version: int) -> RegistryFault:
    return RegistryFault(
        40407, f"Subject '{subject}' Version {version} was not deleted first before being permanently deleted"
    )


def no_setting(subject: str) -> RegistryFault:
    return RegistryFault(40408, f"Subject '{subject}' does not have subject-level compatibility configured")


def no_mode(subject: str) -> RegistryFault:
    return RegistryFault(40409, f"Subject '{subject}' does not have subject-level mode configured")


def invalid_schema(why: str) -> RegistryFault:
    return RegistryFault(INVALID_SCHEMA, f"Invalid schema: {why}")


def too_large(bytes_max: int) -> RegistryFault:
    return RegistryFault(42209, f"Schema is too large: it may have {bytes_max} bytes")


def empty_schema() -> RegistryFault:
    return RegistryFault(INVALID_SCHEMA, "Empty schema")


def invalid_version(version: str) -> RegistryFault:
    allowed = 'Allowed values are between [1, 2^31-1] and the string "latest"'
    return RegistryFault(42202, f"The specified version '{version[:100]}' is not a valid version id. {allowed}")


def invalid_level() -> RegistryFault:
    levels = "none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive"
    return RegistryFault(42203, f"Invalid compatibility level. Valid values are {levels}")


def invalid_mode() -> RegistryFault:
    modes = "READWRITE, READONLY, READONLY_OVERRIDE, FORWARD, and IMPORT"
    return RegistryFault(42204, f"Invalid mode. Valid values are {modes}")


def forwards_everything_or_nothing() -> RegistryFault:
    return RegistryFault(42204, "Forward mode only supported on global level")


def read_only(subject: str) -> RegistryFault:
    return not_permitted(f"Subject {subject} in context {split(subject)[0]} is in read-only mode")


def context_not_empty(context: str) -> RegistryFault:
    return RegistryFault(42211, f"The specified context '{context[:200]}' is not empty.")


def not_permitted(why: str) -> RegistryFault:
    return RegistryFault(42205, why)


def still_referenced(subject: str, version: int) -> RegistryFault:
    schema = f"{{magic=1,keytype=SCHEMA,subject={subject},version={version}}}"
    return RegistryFault(42206, f"One or more references exist to the schema {schema}.")


def invalid_subject(subject: str) -> RegistryFault:
    return RegistryFault(42208, f"The specified subject '{subject[:200]}' is not a valid.")


def incompatible(subject: str, why: str) -> RegistryFault:
    earlier = f'an earlier schema for subject "{subject}"'
    return RegistryFault(409, f"Schema being registered is incompatible with {earlier}, details: {why}", status=409)
