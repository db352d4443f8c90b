"""What every store promises about finding messages by whom they name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from engine.resources import ResourceKey
from engine.store.contracts.views import MessageView, Query

__all__ = ["MentionStore"]


class MentionStore(Protocol):
    """Safe storage for which message names which number."""

    def mentioned(self, terms: Sequence[int], query: Query) -> list[MessageView]:
        """Messages that match and name one of the identifiers behind these terms
        (`engine.privacy.mentions`), with their duplicates and later pieces, by id."""
        ...

    def versions_of(self, message_ids: Sequence[int]) -> list[ResourceKey]:
        """The resources that these messages are versions of."""
        ...

    def authorities(self) -> list[bytes]:
        """The sealed names of the authorities whose numbers came by."""
        ...

    def keep_authorities(self, sealed: Collection[bytes], gone: Collection[bytes] = ()) -> None:
        """Remember sealed names of authorities, and forget those in `gone`."""
        ...
