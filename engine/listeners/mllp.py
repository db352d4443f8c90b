"""HL7 v2 over MLLP: the door of one channel, from its socket to its `Reception`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.defer import Deferred, succeed

from engine.errors import Misconfigured, Unacceptable
from engine.hl7.batch import is_batch
from engine.hl7.header import read_header
from engine.listeners.batch import Batches
from engine.listeners.channel import Channel, Doors
from engine.listeners.reception import Reception
from engine.model import Reason, ReasonCode
from mllp.server import Arrived, MllpServer, Peer

__all__ = ["MllpListener"]

HEADER_LIMIT = 3  # messages in a row without a readable header before the connection closes

_CUT = Reason(ReasonCode.FRAMING, "The sender began again before the end", "MSH", hl7=100)


class MllpListener:
    """One channel's door. `server` is the MLLP server it speaks through."""

    def __init__(self, channel: Channel, doors: Doors, make_server: Callable[..., MllpServer]) -> None:
        self._doors = doors
        self._headless: WeakKeyDictionary[Peer, int] = WeakKeyDictionary()
        self.server = make_server(self._arrived, oversize=self._oversize, quarantine=self._partial)
        self._port: Any = None
        self.take_up(channel)

    def take_up(self, channel: Channel) -> None:
        """Take messages by the rules of this channel from the next one on, over whichever connection it
        comes. Those in work are answered by the rules that they were taken by."""
        self._channel = channel
        self._reception = Reception(channel, self._doors, self.server.counters)
        self._batches = Batches(channel, self._doors, self._reception)
        self._headless_batches = channel.batches.headless

    @property
    def name(self) -> str:
        """The channel's name."""
        return self._channel.name

    @property
    def counters(self) -> Mapping[str, int]:
        """Irregularities of connections, frames, headers and character sets, growing only."""
        return self.server.counters

    @property
    def port(self) -> int:
        """Where it listens; 0 when it does not."""
        return int(self._port.getHost().port) if self._port is not None else 0

    @property
    def is_open(self) -> bool:
        """Whether messages can come in."""
        return self._port is not None and self.server.accepting

    def open(self, reactor: Any, host: str, port: int, tls: Any = None) -> int:
        """Listen; the port it became (0 asks for a free one). Raises `Misconfigured`."""
        from twisted.internet.error import CannotListenError

        try:
            self._port = self.server.listen(reactor, port, host, tls)
        except CannotListenError as error:
            raise Misconfigured(
                f"cannot listen on {host}:{port}: {getattr(error.socketError, 'strerror', 'refused')}",
                where=self._channel.name,
                hint="is another engine or channel using the port?",
            ) from None
        return self.port

    def accepting(self, yes: bool) -> None:
        """Take new connections or turn them away (the store is down)."""
        self.server.accepting = yes

    def drain(self, timeout: float) -> Deferred[None]:
        """Stop listening, answer what is in work, close."""
        if self._port is None:
            return succeed(None)
        self._port = None
        return self.server.drain(timeout)

    # What comes in

    def _arrived(self, arrived: Arrived) -> None:
        try:
            header = read_header(arrived.message, self._channel.rules.charset)
        except Unacceptable as error:
            if is_batch(arrived.message):
                self._batches.take(arrived.message, arrived)
            else:
                self._without_header(arrived, error)
            return
        if self._headless:
            self._headless.pop(arrived.peer, None)
        if self._headless_batches and is_batch(arrived.message, headless=True):
            self._batches.take(arrived.message, arrived)
        else:
            self._reception.take(arrived.message, header, arrived)

    def _without_header(self, arrived: Arrived, error: Unacceptable) -> None:
        """AR; and the connection closes when nothing but such came: this is no HL7 sender."""
        peer = arrived.peer
        seen = self._headless[peer] = self._headless.get(peer, 0) + 1
        if seen >= HEADER_LIMIT:
            arrived.close()
        self._reception.refuse_headless(arrived.message, error, arrived)

    def _oversize(self, arrived: Arrived) -> None:
        """The connection closes once it is answered."""
        if is_batch(arrived.message):
            self._batches.refuse_oversize(arrived.message, arrived)
            return
        self._reception.refuse_oversize(arrived.message, arrived)

    def _partial(self, _peer: Peer, partial: bytes) -> None:
        """A message cut short and begun again: kept, never answered."""
        self._reception.keep(partial, _CUT)
