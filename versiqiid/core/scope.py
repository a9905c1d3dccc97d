"""Which keys a partial listing speaks of: what it does not name of these is gone. Nothing else lives here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """The keys that begin with a prefix, or those of them that lie outside the named members, or the one key.

    :ivar members: names one level below the prefix, leaves and directories with their ``/``, of which the listing says
        nothing; None = it speaks of everything under the prefix.
    :ivar exact: it speaks of the key that is the prefix, and of no other.
    """

    prefix: str = ""
    members: frozenset[str] | None = None
    exact: bool = False

    def holds(self, key: str) -> bool:
        """Whether the listing speaks of this key."""
        if self.exact or not key.startswith(self.prefix):
            return key == self.prefix
        return self.members is None or member_of(key, self.prefix) not in self.members

    def under(self, root: str) -> Scope:
        """The same for keys that are told without the root that they all begin with."""
        strip = len(root)
        members = None if self.members is None else frozenset(name[strip:] for name in self.members)
        return Scope(self.prefix[strip:], members, self.exact)


def member_of(key: str, prefix: str) -> str:
    """The key's name one level below the prefix: itself, or a directory with its ``/``."""
    slash = key.find("/", len(prefix))
    return key if slash < 0 else key[: slash + 1]
