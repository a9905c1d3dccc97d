"""The check of a schema in the words of people, of GitHub, of SARIF 2.1.0 and of JUnit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

from versiqiid import __version__
from versiqiid.cli.findings import data, prop

_REASONS_MAX = 20
_LINES_MAX = 12


def lines(report: dict[str, Any]) -> Iterator[str]:
    """The report for people: every refusal with rule, place and document, the live configs, and what would help."""
    name = f"{report['family']} {report['version'] or '(new)'}"
    if not report["findings"]:
        yield f"{name}: nothing to be compatible with at level {report['level']}"
    for finding in report["findings"]:
        yield from _finding(finding)
    for passed in report.get("passed", []):
        yield f"not judged against {passed['version']}: {passed['reason']}"
    yield from _live(report)
    if report["fixes"]:
        yield "what would help:"
        yield from (f"  - {fix}" for fix in report["fixes"])


def summary(report: dict[str, Any]) -> str:
    """One line: the end of it."""
    told = "compatible" if report["compatible"] else "INCOMPATIBLE"
    name = f"{report['family']} {report['version'] or '(new)'}"
    against = len({(f["writer"], f["reader"]) for f in report["findings"]})
    return f"{name}: {told} by {report['level']} ({report['policy']}), {against} pairs judged"


def _finding(finding: dict[str, Any]) -> Iterator[str]:
    reads = f"{finding['reader']} reads {finding['writer']}"
    if finding["compatible"]:
        yield f"{reads} ({finding['direction']}): yes, by {finding['basis']}"
        return
    yield f"{reads} ({finding['direction']}): NO, by {finding['basis']}"
    breaking = [each for each in finding["differences"] if each["breaking"]]
    for each in breaking[:_REASONS_MAX]:
        yield f"  {each['rule']} at {each['pointer'] or '/'} of the {each['side']} schema: {each['message']}"
    if len(breaking) > _REASONS_MAX:
        yield f"  … and {len(breaking) - _REASONS_MAX} more"
    witness = finding["witness"]
    if witness is None:
        return
    if "document" in witness:
        source = f" (read at {witness['name']})" if witness["name"] else ""
        yield f"  a document that {finding['writer']} takes and {finding['reader']} refuses{source}:"
        shown = json.dumps(witness["document"], indent=2, ensure_ascii=True).splitlines()
        yield from (f"    {line}" for line in shown[:_LINES_MAX])
        if len(shown) > _LINES_MAX:
            yield f"    … {len(shown) - _LINES_MAX} more lines; -o json shows all"
    else:
        yield f"  a live document that would break: {witness['name']}"
    yield from (f"    {v['pointer'] or '/'}: {v['message']} ({v['keyword']})" for v in witness["violations"])


def _live(report: dict[str, Any]) -> Iterator[str]:
    live = report.get("live")
    if not live or not live["judged"]:
        return
    if not live["broken"]:
        yield f"live configs: all {live['judged']} fit"
        return
    yield f"live configs that would break: {live['broken']} of {live['judged']}"
    for place in live["environments"]:
        yield f"  {place['environment']}:"
        for hit in place["broken"]:
            yield f"    {hit['target']}/{hit['name']} ({hit['config']}, {hit['target']} {hit['targetVersion']} runs)"
            yield from (f"      {v['pointer'] or '/'}: {v['message']} ({v['keyword']})" for v in hit["violations"])


def _refusals(report: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Rule, place, sentence and pair of every breaking difference."""
    for finding in report["findings"]:
        pair = f"{finding['reader']} does not read {finding['writer']}"
        for each in finding["differences"]:
            if each["breaking"]:
                yield each["rule"], each["pointer"], each["message"], pair
    for place in (report.get("live") or {}).get("environments", []):
        for hit in place["broken"]:
            for violation in hit["violations"]:
                sentence = f"{hit['binding']} would break: {violation['message']}"
                yield "LIVE_CONFIG", violation["pointer"], sentence, hit["config"]


def github(report: dict[str, Any], file: str) -> str:
    """One line for each reason (GitHub's workflow commands); what only live configs say is a warning."""
    level = {True: "warning", False: "error"}
    return "".join(
        f"::{level[rule == 'LIVE_CONFIG']} file={prop(file)},title={prop(rule)}"
        f"::{data(pair)}: {data(pointer or '/')}: {data(message)}\n"
        for rule, pointer, message, pair in _refusals(report)
    )


def sarif(report: dict[str, Any], file: str) -> dict[str, Any]:
    """The report as a SARIF 2.1.0 log."""
    found = list(_refusals(report))
    results = [
        {
            "ruleId": rule,
            "level": "warning" if rule == "LIVE_CONFIG" else "error",
            "message": {"text": f"{pair}: {message}"},
            "locations": [
                {
                    "physicalLocation": {"artifactLocation": {"uri": file}},
                    "logicalLocations": [{"fullyQualifiedName": pointer or "/"}],
                }
            ],
        }
        for rule, pointer, message, pair in found
    ]
    rules = [{"id": rule} for rule in sorted({rule for rule, *_ in found})]
    driver = {"name": "versiqii", "version": __version__, "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def junit(report: dict[str, Any], file: str) -> str:
    """The report as JUnit XML: a case for each pair that was judged, and one for the live configs."""
    suite = ET.Element("testsuite", name=f"versiqii schemas check {report['family']}")
    for finding in report["findings"]:
        name = f"{finding['reader']} reads {finding['writer']} ({finding['direction']})"
        case = ET.SubElement(suite, "testcase", classname=f"schemas.{report['family']}", name=name, file=file)
        if not finding["compatible"]:
            told = list(_finding(finding))
            ET.SubElement(case, "failure", type=finding["basis"], message=told[0]).text = _xml("\n".join(told))
    live = report.get("live")
    if live and live["judged"]:
        case = ET.SubElement(suite, "testcase", classname=f"schemas.{report['family']}", name="live configs", file=file)
        if live["broken"]:
            told = list(_live(report))
            ET.SubElement(case, "system-out").text = _xml("\n".join(told))
    failures = sum(not finding["compatible"] for finding in report["findings"])
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    ET.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suite, encoding="unicode")


def _xml(text: str) -> str:
    """Without the characters that XML 1.0 has no way to write."""
    return "".join(character for character in text if character in "\t\n" or ord(character) >= ord(" "))
