"""Whose number it is: the one name of every assigning authority (spec: PHI, section 5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.errors import Misconfigured

__all__ = ["MOST_SEEN", "Authorities"]

MOST_SEEN = 10_000


class Authorities:
    """The one name of every assigning authority.

    `spellings` lists, per name, what senders write for it: namespace ids, universal ids, with or
    without `urn:oid:`. `default` is the authority of a number that names none; empty: the sending
    facility (MSH-4). `seen` are the names that were given so far, the first thousands of them: a number
    is searched for under each. Raises `Misconfigured` when one spelling belongs to two authorities.
    """

    def __init__(self, spellings: Mapping[str, Sequence[str]] | None = None, default: str = "") -> None:
        self._names: dict[str, str] = {}
        for name, written in (spellings or {}).items():
            for spelling in (name, *written):
                if self._names.setdefault(_bare(spelling), name) != name:
                    raise Misconfigured("one spelling of two authorities", where=f"authorities.{name}")
        self.seen: set[str] = set()
        self.default = self.name(default, "")

    def name(self, namespace: str, universal: str) -> str:
        """The authority of an HD. A known universal id decides, then the namespace id; an unknown
        authority stands for itself."""
        namespace, universal = namespace.strip(), _bare(universal)
        known = self._names.get(universal) if universal else None
        name = known or self._names.get(namespace) or namespace or universal
        if name not in self.seen and len(self.seen) < MOST_SEEN:
            self.seen.add(name)
        return name


def _bare(spelling: str) -> str:
    return spelling.strip().removeprefix("urn:oid:")
