"""References are found everywhere, asked for once, and never guessed."""

from __future__ import annotations

import pytest

from versiqiid.agent.secrets import Reference, as_reference, references, resolved
from versiqiid.errors import InvalidInput, Unavailable

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("vault:kv/db/main#password", Reference("kv", "db/main", "password")),
        ("vault:kv/a#b", Reference("kv", "a", "b")),
        ("vault:kv/a", None),
        ("vault:kv#b", None),
        ("vault:/a#b", None),
        ("x vault:kv/a#b", None),
        ("vault:kv/a#b\n", None),
        ("vault: the door/of #it", None),
    ],
)
def test_only_the_exact_form_is_a_reference(text: str, reference: Reference | None) -> None:
    """Anything else is a plain string."""
    assert as_reference(text) == reference
    if reference:
        assert str(reference) == text


async def test_each_reference_is_asked_for_once() -> None:
    """Everywhere in the document; keys stay."""
    asked = []

    async def resolve(reference: Reference) -> str:
        asked.append(str(reference))
        return f"<{reference.field}>"

    document = {"a": ["vault:kv/x#p", {"b": "vault:kv/x#p"}], "vault:kv/k#k": 1, "c": "vault:kv/x#q"}
    assert list(references(document)) == ["/a/0", "/a/1/b", "/c"]
    value, secret = await resolved(document, resolve)
    assert value == {"a": ["<p>", {"b": "<p>"}], "vault:kv/k#k": 1, "c": "<q>"}
    assert secret
    assert asked == ["vault:kv/x#p", "vault:kv/x#q"]


async def test_a_resolved_value_is_not_resolved_again() -> None:
    """A secret that looks like a reference is a secret."""

    async def resolve(_: Reference) -> str:
        return "vault:kv/other#x"

    assert await resolved(["vault:kv/x#p"], resolve) == (["vault:kv/other#x"], True)


async def test_without_a_source_the_pointer_is_named() -> None:
    """Not rendered, and the reason says where; documents without references need no source."""
    with pytest.raises(InvalidInput, match=r"^/db/pw: vault:kv/x#p "):
        await resolved({"db": {"pw": "vault:kv/x#p"}}, None)
    assert await resolved({"a": 1}, None) == ({"a": 1}, False)


async def test_a_source_that_is_away_passes_through() -> None:
    """Whether to ask again is for the caller."""

    async def resolve(_: Reference) -> str:
        raise Unavailable("no answer")

    with pytest.raises(Unavailable):
        await resolved("vault:kv/x#p", resolve)
