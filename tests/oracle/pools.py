"""The values that random worlds are made of: for every field a few good ones, and bad ones that somebody will type."""

from __future__ import annotations

from typing import Any

from tests.oracle.guests import BY_NAME

# ---------------------------------------------------------------------------------------------------- versions

RUNNING = {
    "semver": (
        "1.0.0",
        "1.4.0",
        "1.4.2",
        "2.0.0",
        "2.0.0-rc.1",
        "v1.4.0",
        "0.3.1",
        "10.0.0",
        " 1.4.0\n",
        "2.1.0+build.7",
    ),
    "pep440": ("1.0", "1.0.0", "1.4.0", "2.0rc1", "2.0", "2.0.post1", "1!1.0", "10.0"),
    "date": ("2024-01-01", "2024-06-30", "2025-02-28", "2023-12-31"),
    "sequence": ("0", "1", "2", "9", "10"),
    "git-sha": ("aaaaaaa", "bbbbbbb", "0123456789abcdef0123456789abcdef01234567"),
}
ODD_RUNNING = (
    "",
    " \n",
    "latest",
    "1.4",
    "1.x",
    b"\xff\xfe",
    "1.4.0 1.5.0",
    "01.2.3",
    "{}",
    "-1",
    "2024-13-01",
    "3.0.0",
)
SCHEMA_VERSIONS = {
    "semver": ("1.0.0", "1.1.0", "2.0.0", "3.0.0", "10.0.0", "2.0.0-rc.1"),
    "pep440": ("1.0", "1.1", "2.0", "2.0rc1", "10.0", "1.1.post1"),
    "date": ("2023-01-01", "2024-01-01", "2024-02-01", "2025-01-01"),
    "sequence": ("1", "2", "3", "9", "10"),
    "git-sha": ("aaaaaaa", "bbbbbbb", "ccccccc", "ddddddd"),
}
PATH_VERSIONS = {
    "semver": ("1.0.0", "2.0.0", "2.0.0-rc.1", "9.0.0", "10.0.0", "10.0.1"),
    "pep440": ("1.0", "2.0rc1", "2.0", "2.0.post1", "9.0", "10.0"),
    "date": ("2023-12-31", "2024-01-01", "2024-02-01", "2024-10-01", "2025-01-01"),
    "sequence": ("1", "2", "3", "9", "10", "11"),
    "git-sha": ("aaaaaaa", "bbbbbbb", "ccccccc", "ddddddd"),
}
SCALARS = (
    "1", "0", "-0", "+1", "010", "0o17", "0x1F", "0b1", "1_000", "1.", ".5", "1.0", "1e3", "1E-2", "-.5e2", ".",
    "1e400", "~", "null",
    "Null", "nULL", "true", "True", "TRUE", "tRUE", "yes", "no", "on", "off", "y", "2024-01-01",
    "2024-01-01T00:00:00Z", "12:30:45",
    "0.1", "9007199254740991", "9007199254740992", "-9007199254740992", "1.7976931348623157e308", "5e-324", ".inf",
    "-.Inf", ".nan",
    ".NaN", "NaN", "Infinity", "'1'", '"1"', '"\\u00e9"', "'it''s'", "text", "two words", "=", "<<", "''", '""',
    "- 1", "0x", "0o8",
    "123456789012345678901234567890", "1e", "e1", "+", "-", "0.0", "-0.0", "00", "08", "1,5", "@a", "`b`", "*x",
    "&x 1", "%a", "a#b", "a #b",
)  # fmt: skip
ODD_SCHEMA_VERSIONS = ("latest", "1.0.0.0", "7", "draft-1", "aaaaaaa", "1.0.0")
RANGES = {
    "semver": (
        "1.x", "2.x", "^1.4.0", "~1.4.0", ">=1.0.0 <2.0.0", "1.4.0", "1.0.0 || 2.0.0", "1.0.0 - 1.4.1", "*", "", "x",
        ">=2.0.0-rc.1", "^0.3", "~2", ">1", "<=1", "<2", "=1.4.0", "v1.4.0", ">=3", "1.0 - 2", "1.4.x || >=10 <11",
        "^2.0.0-rc",
    ),
    "pep440": ("", "*", "==1.0", ">=1.0,<2", "~=1.4", "!=1.0", ">=2.0rc1", "==1.*", ">1.0", "<=2.0", "===1.0",
    "==1!1.0"),
    "date": ("*", "", "2024-01-01", ">=2024-01-01 <2025-01-01", ">=2024-06-01", "<2024-01-01",
    "2024-01-01 || 2023-12-31"),
    "sequence": ("*", "", "1", ">=1 <10", "1 || 10", "<2", ">=9", "0"),
    "git-sha": ("*", "", "aaaaaaa", "aaaaaaa || bbbbbbb", "0123456789abcdef0123456789abcdef01234567"),
}  # fmt: skip
SOUND_RANGES: dict[str, tuple[tuple[str, ...], ...]] = {
    "semver": (
        ("1.x", "2.x", ">=3"),
        ("<1.4.1", ">=1.4.1 <10", ">=10", "2.0.0-rc.1"),
        ("*", "2.0.0-rc.1"),
        (">=0.0.0-0",),
    ),
    "pep440": ((">=0.dev0,<1.4", ">=1.4,<2.0rc1", ">=2.0rc1"), ("*", "==2.0rc1"), (">=1.0rc1",)),
    "date": (("<2024-01-01", ">=2024-01-01 <2025-01-01", ">=2025-01-01"), ("*",)),
    "sequence": (("<2", ">=2 <10", ">=10"), ("*",)),
    "git-sha": (("aaaaaaa", "bbbbbbb || 0123456789abcdef0123456789abcdef01234567"), ("*",)),
}  # what the running versions of a scheme need: each is in one of these
BAD_RANGES = ("=>1", "1.4.0.0", "latest", ">=1 || nope", "&", ">=one,<2", "^^1")

# --------------------------------------------------------------------------------------------------- documents

UNREADABLE: tuple[bytes, ...] = (
    b"", b" \n", b"{", b'{"a":1,"a":2}', b"a: 1\na: 2\n", b"a: .nan\n", b"1: x\n", b"--- 1\n--- 2\n", b"a: *nobody\n",
    b'{"a":9007199254740993}', b'{"a":1e400}', b'{"a":"\\ud800"}', b"\xff\xfe{", b"[1,", b"a: [1\n", b"- a\nb\n: c: d",
    b"[" * 101 + b"]" * 101,
)  # fmt: skip
DOCUMENTS: tuple[Any, ...] = (
    {"a": 1}, {"a": 1}, {"a": 7}, {"a": 1, "b": "x"}, {"b": "x"}, {"n": {"a": 1}}, {"n": {"a": 1}, "a": 2},
    {"a": [1, 2]}, {},
    {"a": "text"}, {"a": 1.0}, {"a": 0.1, "b": "\u00e9\u20ac"}, {"c": None}, 5, [], "text",
    b"a: 1\n", b"a: 1\nb: no\n", b"a: 010\n", b"b: 2024-01-01\n", b"a: 0x1F\nb: 1_000\n", b"n: &x {a: 1}\na: 3\n",
    b'\xef\xbb\xbf{"a": 1}', b"a: ~\n", b"# only\na: 1 # one\n", b"b: NaN\n", b"a: &one 1\nn: {a: *one}\n",
    b'"a": 0o17\n',
    b"<<: {a: 1}\nb: x\n", b'{"a": 1, "b": True}', b"a: 1e3\n", b"%YAML 1.2\n---\na: 1\n",
)  # fmt: skip

# ----------------------------------------------------------------------------------------------------- schemas

INTEGER_A = {"type": "object", "properties": {"a": {"type": "integer", "maximum": 5}}}
SCHEMAS: tuple[Any, ...] = (
    {"type": "object"}, {"type": "object"}, {}, b"true", INTEGER_A, INTEGER_A,
    {"required": ["a"]}, {"required": ["b"], "properties": {"b": {"type": "string"}}},
    {"properties": {"a": {}, "b": {}, "n": {"properties": {"a": {"type": "integer"}}}}, "additionalProperties": False},
    {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"i": {"type": "number"}},
     "properties": {"a": {"$ref": "#/definitions/i"}}},
    {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {"s": {"pattern": "^[a-z]+$"}},
     "properties": {"b": {"$ref": "#/$defs/s"}}},
    b"type: object\nproperties:\n  a: {minimum: 2}\n", {"type": "object", "properties": {"n": {"$ref": "#"}}},
    {"properties": {"a": {"const": 1}}}, {"properties": {"a": {"default": 4}}}, {"maxProperties": 1},
)  # fmt: skip
BAD_SCHEMAS: tuple[Any, ...] = (
    b"false", {"type": "objekt"}, b"[]", b"5", b"{", b"", {"$ref": "#/nowhere"}, {"$ref": "#"},
    {"pattern": "(?=x)"}, {"properties": {"b": {"pattern": "(a)\\1"}}}, {"$ref": "https://example.com/x.json"},
    {"$schema": "https://example.com/unknown"}, {"required": "a"}, {"minimum": "1"},
    {"$defs": {"l": {"$ref": "#/$defs/l"}}},
)  # fmt: skip

# ------------------------------------------------------------------------------------------------ our documents

BAD_DOCUMENTS: tuple[Any, ...] = (
    b"", b"{", b"[]", b"null", {"familly": "f"}, {"family": 5}, {"family": "f", "schemas": []}, {"family": "f", "x": 1},
    {"family": "f", "versioning": "calver"}, {"family": "f", "schemas": {"*": 1}}, {"schema": 1},
    {"schema": "1.0.0", "x": 1},
    {"family": "missing", "schemas": {"*": "1.0.0"}}, {"family": "f", "onDependencyConflict": "maybe"},
    {"family": "a/b"},
    b'family: f\nschemas: {"*": 1.0.0, 1.x: 1.0.0}\n', b"family: f\nschemas:\n  '*': 1.0.0\n",
)  # fmt: skip
BAD_FAMILIES: tuple[Any, ...] = (
    {"language": "cobol"}, {"language": "json-schema", "x": 1}, b"{", b"",
    {"language": "json-schema", "formats": "assert"},
    {"language": "json-schema", "compatibility": "SOMETIMES"},
    {"language": "json-schema", "policy": "LENIENT", "owner": "me"},
    {"language": "json-schema", "versioning": "sequence"}, {"language": 5}, b"language: json-schema\n",
)  # fmt: skip
ODD_BINDINGS: tuple[Any, ...] = (
    b"{", b"[]", b"null", {"hold": True}, {"hold": True}, {"hold": "yes"}, {"config": 5},
    {"config": "n", "hold": False},
    {"confg": "n"}, {"revision": 3}, {"rollout": {}}, {"config": "gone"}, b"hold: true\n", b"config: m\n",
    {"hold": None},
)  # fmt: skip

# -------------------------------------------------------------------------------------------------- migrations

PATCHES: tuple[dict[str, Any], ...] = tuple(
    {"runtime": "json-patch", "patch": patch}
    for patch in (
        [], [], [], [{"op": "add", "path": "/b", "value": "p"}], [{"op": "remove", "path": "/a"}],
        [{"op": "replace", "path": "/a", "value": 3}], [{"op": "move", "from": "/a", "path": "/b"}],
        [{"op": "add", "path": "/n", "value": {}}, {"op": "copy", "from": "/a", "path": "/n/a"}],
        [{"op": "add", "path": "", "value": {"a": 4}}], [{"op": "test", "path": "/b", "value": "x"}],
        [{"op": "add", "path": "/a/-", "value": 3}],
    )
)  # fmt: skip
LENSES: tuple[dict[str, Any], ...] = tuple(
    {"runtime": "lens", "lens": lens}
    for lens in (
        [], [{"rename": {"source": "a", "destination": "b"}}],
        [{"add": {"name": "c", "type": "integer", "default": 5}}],
        [{"remove": {"name": "a", "type": "integer", "default": 0}}], [{"hoist": {"host": "n", "name": "a"}}],
        [{"add": {"name": "n", "type": "object", "default": {}}}, {"plunge": {"host": "n", "name": "a"}}],
        [{"wrap": {"name": "a"}}], [{"wrap": {"name": "a"}}, {"head": {"name": "a"}}],
        [{"in": {"name": "n", "lens": [{"rename": {"source": "a", "destination": "z"}}]}}],
    )
)  # fmt: skip
IDENTITY = f"sha256:{BY_NAME['identity'].hex}"
BAD_MIGRATIONS: tuple[Any, ...] = (
    b"{", b"", b"[]", {}, {"runtime": "cobol"}, {"runtime": "json-patch"}, {"runtime": "json-patch", "patch": "none"},
    {"runtime": "json-patch", "patch": [{"op": "fly", "path": "/a"}]},
    {"runtime": "json-patch", "patch": [], "modul": 1},
    {"runtime": "json-patch", "patch": [{"op": "add", "path": "a", "value": 1}]},
    {"runtime": "wasm", "module": "sha256:12"},
    {"runtime": "wasm", "module": "sha256:" + "0" * 64}, {"runtime": "wasm", "module": IDENTITY, "entry": "main"},
    {"runtime": "wasm"}, {"runtime": "lens", "lens": [{"explode": {}}]},
    {"runtime": "lens", "lens": [{"wrap": {"name": "a"}, "head": {}}]},
    {"runtime": "json-patch", "patch": [], "lossy": "/a"}, {"runtime": "json-patch", "patch": [], "lossy": ["a"]},
    {"runtime": "cobol", "lossy": ["/a"]}, b"runtime: json-patch\npatch: []\nowner: me\n",
)  # fmt: skip

ODD_KEYS = (
    "bindings/n", "bindings/t/n", "bindings/a", "envs/a/version", "envs/t/version", "envs/a/t/versions", "envs/a/b/t",
    "configs/t/n", "configs/t/1.0.0/n/more", "migrations/f/1.0.0", "migrations/f/1.0.0/2.0.0/3.0.0", "schemas/f",
    "schemas/f/1.0.0/draft", "targets/t/1.4.0/more", "families/f/more", "modules", "policies/free", "elsewhere/a/t/n",
    "effective/x", "effective/t/n", "status/t/n",
)  # fmt: skip
