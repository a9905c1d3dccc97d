"""Every page: its links and anchors lead somewhere. Every file: it does not speak of the place it was made in."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1$", re.MULTILINE | re.DOTALL)


@cache
def files() -> tuple[Path, ...]:
    """Every file of the repository, also those that are not committed yet; without git, all but what tools made."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        told = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        made = {".venv", "var", "node_modules", "__pycache__", ".git"}
        return tuple(path for path in sorted(ROOT.rglob("*")) if path.is_file() and not made & set(path.parts))
    return tuple(path for name in told.split("\0") if name and (path := ROOT / name).is_file())


def pages() -> list[Path]:
    return [path for path in files() if path.suffix == ".md"]


def prose(page: Path) -> str:
    """The page without its fenced blocks: what is quoted there is no link of ours."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that a page's headings get, as GitHub makes them."""
    found: dict[str, int] = {}
    names = []
    for heading in _HEADING.findall(prose(page)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        names.append(f"{slug}-{count}" if count else slug)
    return frozenset(names)


def links(page: Path) -> list[str]:
    """What the page links to in the repository."""
    return [unquote(link) for link in _LINK.findall(prose(page)) if not re.match(r"[a-z]+:", link)]


def target(page: Path, link: str) -> Path:
    path = link.partition("#")[0]
    return (page.parent / path).resolve() if path else page


def leads_somewhere(page: Path, link: str) -> bool:
    anchor, found = link.partition("#")[2], target(page, link)
    if not found.is_relative_to(ROOT) or not found.exists():
        return False
    return not anchor or (found.suffix == ".md" and anchor in anchors(found))


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()])
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative ones to a file or folder of the repository, and to a heading that is there."""
    assert [link for link in links(page) if not leads_somewhere(page, link)] == []


def test_every_page_of_docs_is_reached_from_the_readme() -> None:
    """Nobody finds a page that nothing leads to."""
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        waiting += [found for link in links(page) if (found := target(page, link)).suffix == ".md" and found.exists()]
    assert {str(page.relative_to(ROOT)) for page in pages() if page.is_relative_to(ROOT / "docs")} <= {
        str(page.relative_to(ROOT)) for page in reached if page.is_relative_to(ROOT)
    }


# Written in pieces, so that this file does not name them either.
_PLACES = "|".join(["/" + "work/", "/" + "root/", "/" + "home/[a-z]", "shared" + "/design", "shared" + "/seeds"])
_HOSTS = {
    "org": ("pypi", "pythonhosted", r"registry\.npmjs", r"(?:proxy|sum)\.golang"),
    "io": (r"(?:static|index)\.crates",),
}
_REGISTRIES = "|".join(rf"{name}\.{end}" for end, names in _HOSTS.items() for name in names)
_FOREIGN = re.compile(rf"(?<![\w.$~}}])(?:{_PLACES})|{_REGISTRIES}")


@pytest.mark.parametrize("place", ["/" + "work/x", "'/" + "root/.cache'", "https://pypi." + "org/simple"])
def test_a_place_is_found(place: str) -> None:
    """The search below would find it."""
    assert _FOREIGN.search(f"x = {place}")


def test_no_file_names_the_place_it_was_made_in() -> None:
    """No path of a machine, and no host that packages come from: both are whoever builds it's own."""
    found = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        where = path.relative_to(ROOT)
        found += [f"{where}:{n}: {m[0]}" for n, line in enumerate(text.splitlines(), 1) if (m := _FOREIGN.search(line))]
    assert found == []
