"""``versiqii doctor``: say what is wrong and what to do about it."""

from __future__ import annotations

import click

from versiqiid.cli.diagnosis import findings
from versiqiid.cli.exits import Exit
from versiqiid.cli.session import Session
from versiqiid.core.findings import Level


@click.command()
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are warnings but no errors.")
@click.pass_obj
def doctor(session: Session, *, detailed_exitcode: bool) -> int:
    """Check the daemon, its leader, keys, bindings and clock; Consul (addresses, TLS, rights on each prefix), Vault,
    Kafka and the journal as the daemon reaches them; versions; and how long tokens and certificates live.
    """
    found = list(findings(session))
    rows = [{"check": f.check, "level": f.level.value, "message": f.message, "hint": f.hint} for f in found]
    session.show(rows, "level", "check", "message", "hint", name="check")
    levels = {finding.level for finding in found}
    if Level.ERROR in levels:
        return Exit.FAILED
    return Exit.DIFFERENT if Level.WARNING in levels and detailed_exitcode else Exit.OK
