"""Messages passed on over MLLP: one connection, one message in flight, each matched with its answer.

AA and CA: delivered. AE and CE: the receiver will never take it, a dead letter. AR and CR: tried again some
times, because they also mean "not now". No answer, or one that is not for this message: tried again, with the
same bytes and the same MSH-10, so a receiver that had it already knows it (spec: ack, cases A72 and A73).
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.threads import blockingCallFromThread

from engine.destinations.base import Note
from engine.effects import Forward
from engine.errors import Misconfigured, Unacceptable
from engine.hl7.document import Document
from engine.hl7.path import Path
from engine.hl7.tables import ERROR_CODES
from engine.model import Delivered, Delivery, Outcome, Owner, Reason, ReasonCode, Refused, TryAgain
from mllp.answers import Verdict
from mllp.client import ONCE, Answer, MllpClient
from mllp.tls import ClientTls

__all__ = ["MllpDestination", "Peer", "from_environment", "reach"]

REJECTIONS = 10
"""Attempts after which a receiver that answers AR or CR is believed."""

SPAN = 200.0
"""Seconds after which the rest of a batch is left for the next: with the last answers of three lanes it has
to end within a lease (`engine.delivery`), or all of it would be sent again, and again."""

LONGEST = 120.0
"""Seconds that an answer may take at most, for the same reason."""

_PATIENCE = 5.0
"""Seconds that a look at whether a peer can be reached may take."""

_LATER = TryAgain(Reason(ReasonCode.UNAVAILABLE, "the receiver answers slowly: the rest comes later"))


class Peer(msgspec.Struct, frozen=True):
    """Where messages go: `url` is `mllp://HOST:PORT`, or `mllps://` with TLS; `ca`, `certificate` and `key`
    are files, `server_name` what its certificate must be good for (default: the host); `timeout` are the
    seconds an answer may take."""

    name: str
    host: str
    port: int
    secure: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""
    server_name: str = ""
    timeout: float = 30.0

    def tls(self) -> ClientTls | None:
        """Our side of TLS, or None. Raises `Misconfigured` for files that cannot be used."""
        if not self.secure:
            return None
        try:
            return ClientTls(
                self.server_name or self.host, self.ca or None, self.certificate or None, self.key or None
            )
        except (OSError, SSL.Error):
            raise Misconfigured(
                "a certificate or key file cannot be used", where=_prefix(self.name)
            ) from None


def from_environment(name: str, env: Mapping[str, str]) -> Peer:
    """The peer `name` out of `WARDLINE_MLLP_<NAME>_URL`, `_CA`, `_CERTIFICATE`, `_KEY`, `_SERVER_NAME` and
    `_TIMEOUT`. Raises `Misconfigured` naming the variable."""
    here = _prefix(name)
    url = urlsplit(env.get(f"{here}_URL", "").strip())
    try:
        port = url.port
        timeout = float(env.get(f"{here}_TIMEOUT", "30"))
    except ValueError:
        raise Misconfigured("not a number", where=f"{here}_URL or {here}_TIMEOUT") from None
    if not 0 < timeout <= LONGEST:
        raise Misconfigured(f"must be above 0 and at most {LONGEST:.0f} seconds", where=f"{here}_TIMEOUT")
    if url.scheme not in ("mllp", "mllps") or not url.hostname or not port:
        raise Misconfigured(
            "says where messages are passed on to", where=f"{here}_URL", hint="mllps://HOST:PORT"
        )
    files = {
        word: env.get(f"{here}_{word.upper()}", "") for word in ("ca", "certificate", "key", "server_name")
    }
    return Peer(name, url.hostname, port, secure=url.scheme == "mllps", timeout=timeout, **files)


def _prefix(name: str) -> str:
    return f"WARDLINE_MLLP_{name.upper().replace('-', '_')}"


def reach(peer: Peer) -> str:
    """Why the peer cannot be reached, or nothing: connects, with TLS where it is asked for, and leaves."""
    try:
        with socket.create_connection((peer.host, peer.port), _PATIENCE) as plain:
            if peer.secure:
                context = ssl.create_default_context(cafile=peer.ca or None)
                if peer.certificate:
                    context.load_cert_chain(peer.certificate, peer.key or None)
                context.wrap_socket(plain, server_hostname=peer.server_name or peer.host).close()
    except ssl.SSLError as error:
        return f"TLS: {error.reason or 'failed'}".replace("_", " ").lower()
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


class MllpDestination:
    """See `engine.destinations.base.Destination`. `reactor` gives the one that runs, in another thread
    than `deliver`, when the first message is sent.

    Raises `Misconfigured` when the peer's TLS files cannot be used."""

    def __init__(
        self, peer: Peer, reactor: Callable[[], Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._peer, self._tls, self._reactor, self._clock = peer, peer.tls(), reactor, clock
        self._client: MllpClient | None = None

    def deliver(self, deliveries: Sequence[Delivery], note: Note) -> list[Outcome]:
        """Outcomes in the order of the deliveries; see `Destination.deliver`. Without an answer to one the
        rest of the batch waits too: a peer that is away is asked once; so it does after `SPAN` seconds."""
        del note  # the receiver knows a repetition by MSH-10: nothing to remember between steps
        outcomes: list[Outcome] = []
        until = self._clock() + SPAN
        for delivery in deliveries:
            last = outcomes[-1] if outcomes else None
            if isinstance(last, TryAgain) and last.reason.code is ReasonCode.UNAVAILABLE:
                outcomes.append(last)
            elif self._clock() >= until:
                outcomes.append(_LATER)
            elif isinstance(delivery.effect, Forward):
                outcomes.append(self._sent(delivery, delivery.effect))
            else:
                outcomes.append(Refused(Reason(ReasonCode.REFUSED, "this receiver takes messages alone")))
        return outcomes

    def close(self) -> None:
        """Disconnect; in the reactor's thread."""
        if self._client is not None:
            self._client.close()

    def _sent(self, delivery: Delivery, effect: Forward) -> Outcome:
        call: Any = self._send  # annotated for results, not for Deferreds of them
        answer: Answer = blockingCallFromThread(self._reactor(), call, effect.message.encode())
        if answer.verdict is Verdict.ACCEPTED:
            return Delivered({"hl7": effect.control_id})
        if answer.verdict is Verdict.ERROR:
            return Refused(_told(answer))
        if answer.verdict is Verdict.REJECTED:
            told = _told(answer)
            return TryAgain(told) if delivery.attempts < REJECTIONS else Refused(told)
        return TryAgain(Reason(ReasonCode.UNAVAILABLE, f"the receiver did not answer: {answer.reason}"))

    def _send(self, message: bytes) -> Deferred[Answer]:
        """In the reactor's thread."""
        if self._client is None:
            peer = self._peer
            self._client = MllpClient(
                self._reactor(), peer.host, peer.port, tls=self._tls, answer_timeout=peer.timeout, retry=ONCE
            )
        return self._client.send(message)


_PLACE = Path.parse("ERR-2.1"), Path.parse("ERR-2.3"), Path.parse("ERR-1.1"), Path.parse("ERR-1.3")
_CODE = Path.parse("ERR-3.1"), Path.parse("ERR-1.4.1"), Path.parse("ERR-1.4")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")


def _told(answer: Answer) -> Reason:
    """What a negative answer says: its code, the error of table 0357 and the place, when they are such;
    never its texts, which may repeat the message."""
    text, place = f"the receiver answered {answer.code}", ""
    try:
        document = Document.parse(answer.message)
    except Unacceptable:
        return Reason(ReasonCode.REFUSED, text, owner=Owner.TECHNICAL)
    found = (document.value(path) for path in _CODE)
    code = next((one for one in found if isinstance(one, str) and one.isdecimal()), "")
    if code and int(code) in ERROR_CODES:
        text += f", {code} {ERROR_CODES[int(code)].lower()}"
    for segment, field in (_PLACE[:2], _PLACE[2:]):
        name, number = document.value(segment), document.value(field)
        if isinstance(name, str) and _SEGMENT.fullmatch(name):
            place = f"{name}-{number}" if isinstance(number, str) and number.isdecimal() else name
            break
    return Reason(ReasonCode.REFUSED, text, place, Owner.TECHNICAL)
