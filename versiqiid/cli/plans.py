"""A plan of upgrades for people: the steps as commands, and why it is so or why there is none."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any


def plan_lines(plan: dict[str, Any]) -> Iterator[str]:
    """The whole answer. What is a command stands alone on its line."""
    asked = ", ".join(f"{target} {version}" for target, version in plan["goals"].items())
    yield f"{plan['environment']}: {asked}"
    if plan["wouldBreak"]:
        yield "that alone would break:"
        yield from (f"  {breach['reason']}" for breach in plan["wouldBreak"])
    if not plan["possible"]:
        yield "there is no way, because these cannot be met together:"
        for cause in plan["conflict"]:
            yield f"  {cause['reason']} (known: {', '.join(cause['known']) or 'none'})"
        yield "ask for another version, change a range, or describe a version that fits: versiqii graphs link"
        return
    if plan["added"]:
        yield f"so these move too: {', '.join(plan['added'])}"
    yield from _steps(plan)
    for circle in plan["circles"]:
        yield f"at once, because they wait for each other: {' → '.join(circle)}"
    for breach in plan["below"]:
        yield f"step {breach['step']} breaks {breach['environment']}, plan it too: {breach['reason']}"
    for config in plan["configs"]:
        yield f"{config['binding']} would be {config['state']}: {config['reason']}"
    for unread in plan["unreadable"]:
        yield f"not counted, {unread['key']} is unreadable: {unread['reason']}"


def _steps(plan: dict[str, Any]) -> Iterator[str]:
    if not plan["steps"]:
        yield "nothing has to move"
    for number, step in enumerate(plan["steps"], 1):
        moves = ", ".join(f"{move['target']} {move['from'] or '(none)'} → {move['to']}" for move in step)
        yield f"{number}. {moves}"
        yield f"   {_command(plan['environment'], step)}"


def _command(environment: str, step: list[dict[str, Any]]) -> str:
    """What makes this step: several moves are one transaction of version keys."""
    if len(step) == 1:
        return shlex.join(["versiqii", "env", "set-target", environment, step[0]["target"], step[0]["to"]])
    operations = [
        {"op": "set", "key": f"envs/{environment}/{move['target']}/version", "value": move["to"]} for move in step
    ]
    return f"echo {shlex.quote(json.dumps({'operations': operations}))} | versiqii kv txn -"
