"""`python -m tests.services [NAME ...]`: see to it that the programs are on this machine, and say where each is.

Standard output has one line per program. The exit status is 1 if one could not be had and must be (`CI=true` or
`VERSIQII_REQUIRE_SERVICES=1`) or was asked for by name; else 0, because the tests that need it are skipped.
"""

from __future__ import annotations

import sys

from tests.services.catalogue import DEFAULT, RECIPES, required
from tests.services.finder import MisnamedError, MissingServiceError, obtain


def main(names: list[str]) -> int:
    """Obtain each, or what the tests need when none is named."""
    if unknown := sorted(set(names) - {"all", *RECIPES}):
        print(f"unknown: {', '.join(unknown)}; known: all, {', '.join(RECIPES)}", file=sys.stderr)
        return 64
    wanted = list(RECIPES) if "all" in names else names or list(DEFAULT)
    missing = 0
    for name in wanted:
        try:
            found = obtain(RECIPES[name])
        except (MissingServiceError, MisnamedError) as reason:
            missing += 1
            print(reason, flush=True)
        else:
            print(f"{name} {found.version}: {found.path} ({found.origin})", flush=True)
    return 1 if missing and (names or required()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
