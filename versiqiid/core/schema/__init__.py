"""Whether a document fits a JSON Schema, and if not, where and why not. Pure: no network, no clock, no limit on time.

jsonschema-rs decides, because it is two hundred times faster; jsonschema explains, because its errors say more; tests
hold the two together. Who cannot trust a schema runs this in a process that can be killed (``adapters/validation``).

``format`` is an annotation unless asked for, defaults are never applied, and no reference leaves the schema, the
published metaschemas and the registry that the caller passes.
"""

from versiqiid.core.schema.compiled import CompiledSchema, compile_schema, violations

__all__ = ["CompiledSchema", "compile_schema", "violations"]
