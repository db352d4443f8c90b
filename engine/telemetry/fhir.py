"""What comes in over FHIR, and who asks."""

from __future__ import annotations

from typing import ClassVar

from engine.telemetry.registry import counter, faults, histogram
from engine.telemetry.signals import Signal

__all__ = ["CallerRefused", "FhirAnswered", "RequestFailed", "TokenIssued", "TokenRefused"]

_callers_refused = counter(
    "wardline_callers_refused", "Requests whose sender could not be told, by why.", "client", "why"
)
_token_answers = counter(
    "wardline_token_answers", "Token requests, by client and result.", "client", "result"
)
_requests = counter("wardline_fhir_requests", "FHIR requests answered.", "channel", "interaction", "status")
_fhir_latency = histogram(
    "wardline_fhir_seconds",
    "From the head of a FHIR request to its answer.",
    "interaction",
    (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
)


class FhirAnswered(Signal, frozen=True):
    """A FHIR request was answered; `status` is its class (`2xx`), `channel` empty when none was concerned."""

    channel: str
    interaction: str
    status: str
    seconds: float

    def count(self) -> None:
        _requests(self.channel, self.interaction, self.status).inc()
        _fhir_latency(self.interaction).observe(self.seconds)


class RequestFailed(Signal, frozen=True):
    """A FHIR request met a bug of ours and was answered 500. `request` is what it is called here, `error` the
    exception's type."""

    request: str
    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "request failed by an error of this server"

    def count(self) -> None:
        faults("fhir").inc()


class CallerRefused(Signal, frozen=True):
    """A request's token or certificate proved nothing (`engine.access.untrusted`). `client` is the
    registered one that it names, or empty. Only counted: whoever knocks may do so often."""

    client: str
    why: str

    def count(self) -> None:
        _callers_refused(self.client, self.why).inc()


class TokenIssued(Signal, frozen=True):
    """A client got an access token."""

    client: str

    def count(self) -> None:
        _token_answers(self.client, "issued").inc()


class TokenRefused(Signal, frozen=True):
    """A client got none. It is told `invalid_client`; this is why."""

    client: str
    why: str
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "access token refused"

    def count(self) -> None:
        _token_answers(self.client, self.why).inc()
