"""Schemas by their content: a text is found by its digest, and one that uses others is looked at with them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.e2e.processes import Daemon


def test_a_text_is_addressed_by_its_digest_too(shared: Daemon, tmp_path: Path) -> None:
    """Byte for byte, blanks included; the list says which versions hold it."""
    text = b'{ "type" : "object" }\n'
    digest = "sha256:" + hashlib.sha256(text).hexdigest()
    (tmp_path / "s.json").write_bytes(text)
    for version in ("1.0.0", "1.1.0"):
        done = shared.cli("schemas", "add", "--family", "content", "--version", version, str(tmp_path / "s.json"))
        assert done.returncode == 0, done.stderr
    rows = json.loads(shared.cli("schemas", "list", "--family", "content", "--digests", "-o", "json").stdout)
    assert [(row["version"], row["digest"]) for row in rows] == [("1.0.0", digest), ("1.1.0", digest)]
    assert shared.cli("schemas", "show", digest).stdout.encode() == text
    assert shared.cli("schemas", "show", "sha256:" + "0" * 64).returncode == 6
    assert shared.cli("schemas", "show", "content").returncode == 64


def test_what_a_schema_uses_is_found_before_it_is_written(shared: Daemon, tmp_path: Path) -> None:
    """One that is missing is named; when it is there, the schema is taken, and its promise is kept with all of it."""
    shared.load(
        {f"families/{name}": b'{"language": "protobuf", "compatibility": "BACKWARD"}' for name in ("uses", "part")}
    )
    uses, part = tmp_path / "uses.proto", tmp_path / "part.proto"
    uses.write_text('syntax = "proto3"; import "schemas/part/1.0.0"; message M { Part part = 1; }')
    part.write_text('syntax = "proto3"; message Part { int32 a = 1; }')
    refused = shared.cli("schemas", "add", "--family", "uses", "--version", "1.0.0", str(uses))
    assert refused.returncode == 3
    assert "schemas/part/1.0.0 is missing" in refused.stderr
    for family, file in (("part", part), ("uses", uses)):
        done = shared.cli("schemas", "add", "--family", family, "--version", "1.0.0", str(file))
        assert done.returncode == 0, done.stderr
    gone = shared.cli("schemas", "delete", "part", "1.0.0")
    assert (gone.returncode, "schemas/uses/1.0.0" in gone.stderr) == (5, True), gone.stderr
    part.write_text('syntax = "proto3"; message Part { string a = 1; }')
    with shared.client() as client:
        client.put("/v1/families/other", content=b'{"language": "protobuf"}')
    done = shared.cli("schemas", "add", "--family", "other", "--version", "1.0.0", str(part))
    assert done.returncode == 0, done.stderr
    uses.write_text('syntax = "proto3"; import "schemas/other/1.0.0"; message M { Part part = 1; }')
    breaks = shared.cli("schemas", "add", "--family", "uses", "--version", "1.1.0", str(uses))
    assert breaks.returncode == 3, "the text of the message is the same, what it uses is not"
    assert "FIELD_SCALAR_KIND_CHANGED" in breaks.stdout
    offline = shared.cli("schemas", "add", "--family", "uses", "--version", "1.2.0", "-", stdin=b"message {")
    assert (offline.returncode, "no Protobuf schema" in offline.stderr) == (3, True), offline.stderr
