"""What an application gets of a connection: a message that waits for its answer, and who sent it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mllp.framing import COMMITTED, NOT_COMMITTED

if TYPE_CHECKING:
    from mllp.connection import Connection

__all__ = ["Arrived", "Peer"]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Peer:
    """Who is at the other end, one object for each connection and gone with it (so it can key a
    `WeakKeyDictionary`). `subject` (RFC 4514) and `names` (subject alternative names: DNS
    names in lower case, addresses, URIs, mail addresses) come from its certificate; empty without one."""

    host: str
    port: int
    subject: str = ""
    names: tuple[str, ...] = ()


class Arrived:
    """A message that waits for its answer. Settle it once, in the reactor thread; settling it again,
    or after the peer has gone, does nothing."""

    __slots__ = ("_connection", "_says_commit", "_ticket", "message", "whole")

    def __init__(
        self, connection: Connection, ticket: int, message: bytes, *, says_commit: bool, whole: bool = True
    ) -> None:
        self.message = message
        self.whole = whole
        """False for what is left of a message over the limit."""
        self._connection = connection
        self._ticket = ticket
        self._says_commit = says_commit  # a Release 2 peer still waits for the commit acknowledgement

    @property
    def peer(self) -> Peer:
        """Who sent it."""
        return self._connection.peer

    def committed(self) -> None:
        """What arrived is in safe storage: a peer of MLLP Release 2 is told so, before any answer (and
        of a message over the limit, that it is not)."""
        if self._says_commit:
            self._says_commit = False
            self._connection.interim(self._ticket, COMMITTED if self.whole else NOT_COMMITTED)

    def interim(self, payload: bytes) -> None:
        """Send this message back (unframed); another follows, and the next message waits for that."""
        self._connection.interim(self._ticket, payload)

    def answer(self, payload: bytes | None) -> None:
        """Send this message back (unframed; None: nothing) and go on."""
        self._connection.answer(self._ticket, payload)

    def abandon(self, last: bytes | None = None) -> None:
        """Close the connection, so that the sender sends again; without an answer, or after `last`. A
        peer of Release 2 that was not told `committed` is told the opposite instead."""
        self._connection.abandon(self._ticket, NOT_COMMITTED if self._says_commit else last)

    def close(self) -> None:
        """Close the connection once what is in work has been answered; take nothing more from it.
        Said before `answer`, it keeps the next message from being taken up."""
        self._connection.drain("dismissed")
