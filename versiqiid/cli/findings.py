"""Violations in the words of CI systems: GitHub workflow commands and SARIF 2.1.0."""

from __future__ import annotations

from typing import Any

from versiqiid import __version__


def github(verdict: dict[str, Any], file: str) -> str:
    """One ``::error`` line for each violation (GitHub's workflow commands)."""
    return "".join(
        f"::error file={prop(file)},title={prop(v['keyword'])}::{data(v['pointer'] or '/')}: {data(v['message'])}\n"
        for v in verdict["violations"]
    )


def sarif(verdict: dict[str, Any], file: str) -> dict[str, Any]:
    """The verdict as a SARIF 2.1.0 log."""
    results = [
        {
            "ruleId": v["keyword"],
            "level": "error",
            "message": {"text": v["message"]},
            "locations": [
                {
                    "physicalLocation": {"artifactLocation": {"uri": file}},
                    "logicalLocations": [{"fullyQualifiedName": v["pointer"] or "/"}],
                }
            ],
        }
        for v in verdict["violations"]
    ]
    rules = [{"id": keyword} for keyword in sorted({v["keyword"] for v in verdict["violations"]})]
    driver = {"name": "versiqii", "version": __version__, "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def data(text: str) -> str:
    """Text as the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def prop(text: str) -> str:
    """Text as a property of one."""
    return data(text).replace(":", "%3A").replace(",", "%2C")
