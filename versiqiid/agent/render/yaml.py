"""YAML that says the same to readers of 1.1 and of 1.2: block style, and quotes around what is not plainly a string.

Everything that JSON can say is expressible. Many engines still read YAML 1.1, where a bare ``no`` is false, ``010``
is 8 and ``1e3`` a string; so words are bare only when no version takes them for something else, and floats have points.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

if TYPE_CHECKING:
    from ruamel.yaml.nodes import ScalarNode

    from versiqiid.core.canonical import Json

_bare = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*\Z").match
# https://yaml.org/type/bool.html, /null.html, /float.html: the words of 1.1, which folds case in three fixed ways.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


class _Representer(SafeRepresenter):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - a document has values, not identities
        return True


def _string(representer: _Representer, text: str) -> ScalarNode:
    bare = _bare(text) and text.lower() not in _WORDS
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=None if bare else '"')


def _float(representer: _Representer, number: float) -> ScalarNode:
    text = repr(number)
    if "." not in text:
        text = text.replace("e", ".0e")
    return representer.represent_scalar("tag:yaml.org,2002:float", text)


def _mapping(representer: _Representer, members: dict[str, Any]) -> Any:
    return representer.represent_mapping("tag:yaml.org,2002:map", list(members.items()))


_Representer.add_representer(str, _string)
_Representer.add_representer(float, _float)
_Representer.add_representer(dict, _mapping)


def dump(value: Json) -> str:
    """The document as one YAML document, members in the document's order."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 1_000_000  # arbitrary, so that long strings stay on one line
    out = io.StringIO()
    yaml.dump(value, out)
    return out.getvalue()
