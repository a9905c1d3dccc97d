"""What law tests, plans and accounts of migrations look like for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from versiqiid.cli.session import Session


def show_report(session: Session, told: Mapping[str, Any]) -> None:
    """Print how each step is classified, and each finding with its documents."""
    if session.output in ("json", "yaml"):
        session.show(told)
        return
    rows = [{**step, "declined": step["declined"]["count"]} for step in told["steps"]]
    columns = ("from", "to", "runtime", "classification", "lossy", "tried", "carried", "declined")
    session.show(rows, *columns, wide=("declared", "returned", "configs", "complete", "digest"), name="classification")
    for finding in told["findings"]:
        print("\n".join(finding_lines(finding)))
    for step in told["steps"]:
        for remark in _remarks(step):
            session.tell(f"{step['from']} to {step['to']}: {remark}")
    session.tell(f"seed {told['seed']}: " + ("the laws hold" if told["holds"] else "a law is broken"))


def finding_lines(finding: Mapping[str, Any]) -> Iterator[str]:
    """One broken law, with the documents that show it."""
    yield ""
    yield f"{finding['law']} is broken by {finding['from']} to {finding['to']}: {finding['message']}"
    for name in ("input", "migrated", "output"):
        if finding[name] is not None:
            yield f"  {name + ':':<10}{_json(finding[name])}"
    if finding["lost"] is not None:
        yield f"  {'lost:':<10}{_json(finding['lost'])} at {finding['pointer']}"
    yield f"  {'from:':<10}{finding['origin']}"


def show_plan(session: Session, told: Mapping[str, Any]) -> None:
    """Print the way step by step, and what would help."""
    if session.output in ("json", "yaml"):
        session.show(told)
        return
    if told["path"] is None:
        session.tell(f"no path leads from {told['from']} to {told['to']}")
        for ends in told["missing"]:
            session.tell(f"missing: {_ends(ends)}")
    else:
        session.show(told["steps"], "from", "to", "runtime", "lossy", wide=("digest",), name="to")
        session.tell(f"{len(told['steps'])} steps, {told['lossySteps']} of them lossy")
    for line in told["hubs"]["lines"]:
        count = line["converters"]
        if count["withHub"]:
            spared = f" instead of {count['withoutHub']}" if count["withoutHub"] > count["withHub"] else ""
            missing = ", ".join(map(_ends, line["missing"])) or "none"
            name = f"of line {line['line']}" if line["line"] else "of all versions"
            session.tell(f"hub {name}: {line['hub']}, {count['withHub']} converters{spared}; missing: {missing}")
    for ends in told["hubs"]["missingBetween"]:
        session.tell(f"missing between hubs: {_ends(ends)}")


def _ends(step: Mapping[str, Any]) -> str:
    return f"{step['from']} to {step['to']}"


def show_account(session: Session, told: Mapping[str, Any]) -> None:
    """Print the resulting config alone, and everything about its way as remarks."""
    if session.output in ("json", "yaml"):
        session.show(told)
    elif told["verdict"]["valid"]:
        print(json.dumps(told["config"], indent=2, ensure_ascii=False))
    for step in told["steps"]:
        fuel = f", fuel {step['fuel']}" if "fuel" in step else ""
        lossy = ", lossy" if step["lossy"] else ""
        session.tell(f"{step['from']} to {step['to']}: {step['runtime']} {step['digest'][:19]}{fuel}{lossy}")
        for note in step.get("notes", ()):
            session.tell(f"  {note}")
    for what in ("stashed", "lost"):
        for each in told[what]:
            session.tell(f"{what} from {each['from']} to {each['to']}: {each['pointer'] or 'the whole document'}")
    for each in told["undecided"]:
        session.tell(f"{each['from']} to {each['to']}: there is no way back to tell what is lost")
    for each in told["conflicts"]:
        session.tell(f"conflict from {each['from']} to {each['to']} at {each['pointer'] or 'the root'}: the edit wins")
    verdict = told["verdict"]
    if not verdict["valid"]:
        session.tell(f"refused: {verdict['reason']}")


def _remarks(step: Mapping[str, Any]) -> Iterator[str]:
    declined = step["declined"]
    if declined["count"]:
        example = f"{_json(declined['input'])}: {declined['message']}"
        yield f"declined {declined['count']} of {step['tried']}, such as {example}"
    if not step["roundTrip"]:
        yield "there is no opposite step, so nothing is known of what comes back"
    if not step["complete"]:
        yield "the time was up before all documents were tried"
    unseen = [pointer for pointer in step["declared"] if not any(_within(lost, pointer) for lost in step["lossy"])]
    if unseen and step["returned"]:
        yield f"declared lossy and never seen lost: {', '.join(pointer or 'the root' for pointer in unseen)}"


def _within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(outer + "/")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
