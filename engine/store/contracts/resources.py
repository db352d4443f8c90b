"""What every store promises about FHIR resources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.resources import Find, Found, Moved, ResourceKey, Unit, Version, Written

__all__ = ["ResourceStore"]


class ResourceStore(Protocol):
    """Safe storage for FHIR resources: versions that are messages. Every store has these verbs too."""

    def write(self, units: Sequence[Unit]) -> list[Written | Moved]:
        """Make units durable in one commit and say what became of each, in the same order. Each unit is
        all there or not at all; a later one sees what earlier ones wrote. Its messages are accepted
        and wait for routing in the order of the writes, next to each other.

        Who wrote what is kept with each version, chained by hash: what is changed or taken away
        afterwards is found (`verify_versions`)."""
        ...

    def resources(self, keys: Sequence[ResourceKey]) -> dict[ResourceKey, Version]:
        """The current versions of these, deleted ones too, with their bodies; unknown ones are absent."""
        ...

    def version(self, key: ResourceKey, version: int) -> Version | None:
        """One version with its body."""
        ...

    def history(self, release: str, type_: str, id_: str, *, before: int, since: float, limit: int) -> Found:
        """Versions, newest first, of one resource or (with an empty id) of a type, whose message id is below
        `before` (0: all), written at or after `since`."""
        ...

    def find(self, find: Find) -> Found:
        """What matches, with bodies. Deleted ones are not found."""
        ...

    def unit(self, id_: str) -> list[Version]:
        """The versions that a unit wrote, in their order, without bodies."""
        ...

    def verify_versions(self) -> list[str]:
        """Plain words for every version that was changed or is missing since it was written; empty when
        the chain holds."""
        ...
