"""``versiqii migrations``: register what carries a config from one schema version to another."""

from __future__ import annotations

from typing import Any

import click

from versiqiid.cli.commands.shared import dry_run, read_input, save, told_json, wrote
from versiqiid.cli.session import Session


@click.group()
def migrations() -> None:
    """Register what carries a config from one schema version to another; up and down are two."""


@migrations.command()
@click.argument("family")
@click.argument("source", metavar="FROM")
@click.argument("destination", metavar="TO")
@click.option("--wasm", metavar="FILE", help="WebAssembly module (ABI v1); it is stored by its digest.")
@click.option(
    "--entry", type=click.Choice(["vq_up", "vq_down"]), help="Export to call; default: by the order of the versions."
)
@click.option("--patch", metavar="FILE", help="RFC 6902 patch.")
@click.option("--lens", metavar="FILE", help="Reversible declarative operations.")
@click.option("--lossy", multiple=True, metavar="POINTER", help="What it cannot carry; absent = claimed lossless.")
@click.option("--description")
@click.option("--owner")
@dry_run
@click.pass_obj
def add(session: Session, /, family: str, source: str, destination: str, *, dry_run: bool, **given: Any) -> None:
    """Register one direction of one step of FAMILY."""
    from versiqiid.core.canonical import canonical  # noqa: PLC0415
    from versiqiid.core.migration import parse_manifest  # noqa: PLC0415

    manifest, module = _manifest(given)
    raw = canonical(manifest)
    parse_manifest(raw)
    for key, value in reversed(module.items()):  # the head last: it is held against its parts
        save(session, key, value, dry_run=dry_run)
    key = f"migrations/{family}/{source}/{destination}"
    wrote(session, key, save(session, key, raw, dry_run=dry_run), dry=dry_run)


def _manifest(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The migration key's value, and the module keys that it needs."""
    import hashlib  # noqa: PLC0415

    from versiqiid.core.document import read  # noqa: PLC0415
    from versiqiid.core.modules import split  # noqa: PLC0415

    kinds = [kind for kind in ("wasm", "patch", "lens") if given[kind]]
    if len(kinds) != 1:
        raise click.UsageError("give exactly one of --wasm, --patch, --lens")
    raw = read_input(given[kinds[0]])
    told: dict[str, Any] = {name: given[name] for name in ("description", "owner") if given[name]}
    if given["lossy"]:
        told["lossy"] = list(given["lossy"])
    match kinds[0]:
        case "wasm":
            told |= {"runtime": "wasm", "module": f"sha256:{hashlib.sha256(raw).hexdigest()}"}
            return told | ({"entry": given["entry"]} if given["entry"] else {}), split(raw)
        case "patch":
            return told | {"runtime": "json-patch", "patch": read(raw)}, {}
        case _:
            return told | {"runtime": "lens", "lens": read(raw)}, {}


@migrations.command("list")
@click.option("--family", help="Only this family's.")
@click.pass_obj
def list_(session: Session, family: str | None) -> None:
    """Every registered step."""
    rows = []
    for item in session.items(f"migrations/{family}/" if family else "migrations/"):
        _, of, source, destination = item["key"].split("/")
        rows.append({"family": of, "from": source, "to": destination, **told_json(item), "key": item["key"]})
    session.show(rows, "family", "from", "to", "runtime", "lossy", wide=("module", "key"), name="key")
