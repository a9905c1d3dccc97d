"""The version graph as text that draws it: Mermaid and DOT. No decision is made here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from versiqiid.core.graph.links import ACCEPTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow from who says it to whom it is about.

    :ivar broken: whether it does not hold in the state that is drawn.
    """

    target: str
    kind: str
    other: str
    range_text: str
    broken: bool = False


def mermaid(nodes: Mapping[str, str], edges: Sequence[Edge]) -> str:
    """A Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html): what is needed points at what is needed,
    acceptance is dotted, what is broken is red.

    :param nodes: target → what stands below its name, such as its version.
    """
    ids = {target: f"n{number}" for number, target in enumerate(_named(nodes, edges))}
    lines = ["flowchart LR"]
    for target, name in ids.items():
        label = f"{target}<br/>{nodes[target]}" if nodes.get(target) else target
        lines.append(f'  {name}["{_mermaid(label)}"]')
    for edge in edges:
        arrow = "-.->" if edge.kind == ACCEPTS else "-->"
        label = _mermaid(f"{edge.kind} {edge.range_text or '*'}")
        lines.append(f'  {ids[edge.target]} {arrow}|"{label}"| {ids[edge.other]}')
    broken = [str(number) for number, edge in enumerate(edges) if edge.broken]
    if broken:
        lines.append(f"  linkStyle {','.join(broken)} stroke:red")
    return "\n".join(lines) + "\n"


def dot(nodes: Mapping[str, str], edges: Sequence[Edge]) -> str:
    """The same in the DOT language (https://graphviz.org/doc/info/lang.html)."""
    lines = ["digraph versions {", "  rankdir=LR;", "  node [shape=box];"]
    for target in _named(nodes, edges):
        label = f"{_dot(target)}\\n{_dot(nodes[target])}" if nodes.get(target) else _dot(target)
        lines.append(f'  "{_dot(target)}" [label="{label}"];')
    for edge in edges:
        style = ["style=dashed"] if edge.kind == ACCEPTS else []
        style += ["color=red"] if edge.broken else []
        attributes = ", ".join([f'label="{_dot(edge.kind)} {_dot(edge.range_text or "*")}"', *style])
        lines.append(f'  "{_dot(edge.target)}" -> "{_dot(edge.other)}" [{attributes}];')
    return "\n".join([*lines, "}"]) + "\n"


def _named(nodes: Iterable[str], edges: Iterable[Edge]) -> list[str]:
    return sorted({*nodes, *(edge.target for edge in edges), *(edge.other for edge in edges)})


def _mermaid(text: str) -> str:
    """Mermaid's entity codes for what would end a label; ``<br/>`` is ours."""
    escaped = text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
    return escaped.replace("#lt;br/#gt;", "<br/>").replace("\n", " ")


def _dot(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
