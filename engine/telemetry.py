"""What an operator sees: one catalogue of signals, each with its log line and its metric.

Call sites say what happened (`signal(Accepted(…))`); this module decides wording, level and
labels. Signals carry ids we made, counts, sizes and closed words only: content has no voice, so
nothing here takes a free text from a message or an exception's text from a library.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

__all__ = [
    "REGISTRY", "AcceptFailed", "Answered", "ApplicationAnswerRefused", "ApplicationAnswerTaken",
    "ApplicationAnswerUnwritten", "ApplicationLinkAway", "AuditContradicted", "AuditFailed", "AuditOverdue",
    "AuditSigned", "AuditUnwitnessed", "BatchDelivered", "BatchDoubtful", "BatchReceived", "CallerRefused",
    "ChannelOpened", "ContentPurged", "ControlIdReused", "DeliverySettled", "DestinationAway",
    "EditionRefused", "EditionRunning", "EditionUnreadable", "EngineStarted", "EngineStopping", "FileEnded",
    "FileRead", "FolderAway", "FolderBack", "FolderSeen", "FolderWatched", "HttpOpened", "LoopFailed",
    "MessageAccepted", "MessageRefused", "MessagesRouted", "PrivacyIncident", "RequestFailed", "Signal",
    "StoreFailed", "StoreRecovered", "TokenIssued", "TokenRefused", "WorkerEnded", "configure_logs",
    "signal",
]  # fmt: skip

REGISTRY = CollectorRegistry()
_log = structlog.get_logger("wardline")
_counted_only = logging.getLogger("wardline.counted")  # holds the level, because asking it is cheap


class _Wordless(logging.Formatter):
    """What a library says: who, how loud, and of an exception its type. Words may hold content."""

    def formatException(self, ei: Any) -> str:
        return ei[0].__name__ if ei[0] else ""


def configure_logs(*, level: str = "INFO", plain: bool = False) -> None:
    """JSON lines on stderr (plain text for people at a terminal); library loggers that would
    speak of content stay closed at every level. `DEBUG` shows also the signals that are else only counted."""
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if plain
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, force=True)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Wordless("%(levelname)s %(name)s"))
    _counted_only.setLevel(level)
    for name in ("odoorpc", "httpx", "httpcore", "sqlalchemy", "hl7", "hl7apy", "uvicorn"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class Signal(msgspec.Struct, frozen=True):
    """Something worth seeing. `level` and `text` make the log line, the fields its words."""

    level: ClassVar[str] = "info"
    text: ClassVar[str] = ""

    def count(self) -> None:
        """Move the metrics that belong to this signal."""


def signal(happened: Signal) -> None:
    """Log and count what happened. Signals without a text are only counted, and logged at `DEBUG`."""
    happened.count()
    if happened.text:
        getattr(_log, happened.level)(happened.text, **msgspec.structs.asdict(happened))
    elif _counted_only.isEnabledFor(logging.DEBUG):
        _log.debug(type(happened).__name__, **msgspec.structs.asdict(happened))


def _counter(name: str, text: str, *labels: str) -> Callable[..., Counter]:
    """A counter's children by label values; finding one anew each time costs more than counting."""
    return lru_cache(maxsize=4096)(Counter(name, text, labels, registry=REGISTRY).labels)


def _gauge(name: str, text: str, *labels: str) -> Callable[..., Gauge]:
    return lru_cache(maxsize=512)(Gauge(name, text, labels, registry=REGISTRY).labels)


def _histogram(name: str, text: str, label: str, buckets: Sequence[float]) -> Callable[..., Histogram]:
    return lru_cache(maxsize=512)(Histogram(name, text, [label], registry=REGISTRY, buckets=buckets).labels)


_accepted = _counter("wardline_messages_accepted", "Messages made durable.", "channel", "kind")
_refused = _counter("wardline_messages_refused", "Messages answered with an error.", "channel", "reason")
_purged = Counter(
    "wardline_contents_purged", "Contents removed because their time was over.", registry=REGISTRY
)
_files = _counter("wardline_files", "Files taken from a folder, by how they ended.", "channel", "result")
_folder = _gauge(
    "wardline_folder", "Files that wait in a folder, bytes left of the one in work.", "channel", "what"
)
_envelopes = _counter("wardline_batches", "Batches received.", "channel", "result")
_answers = _counter("wardline_answers", "Acknowledgements sent.", "channel", "code")
_latency = _histogram(
    "wardline_acknowledge_seconds",
    "From the last byte of a message to its acknowledgement.",
    "channel",
    (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
)
_incidents = _counter(
    "wardline_privacy_incidents", "What identifies somebody, stopped on its way out.", "channel", "where"
)
_routed = _counter("wardline_messages_routed", "Messages routed, by what they became.", "channel", "result")
_settled = _counter("wardline_deliveries", "Attempts, by outcome.", "destination", "outcome", "reason")
_batches = _histogram(
    "wardline_delivery_seconds",
    "One batch into a destination.",
    "destination",
    (0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120),
)
_application = _counter(
    "wardline_application_answers",
    "Application answers on a link of their own, by what the other side did.",
    "channel",
    "outcome",
)
_callers_refused = _counter(
    "wardline_callers_refused", "Requests whose sender could not be told, by why.", "client", "why"
)
_token_answers = _counter(
    "wardline_token_answers", "Token requests, by client and result.", "client", "result"
)
_requests = _counter("wardline_fhir_requests", "FHIR requests answered.", "channel", "interaction", "status")
_fhir_latency = _histogram(
    "wardline_fhir_seconds",
    "From the head of a FHIR request to its answer.",
    "interaction",
    (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
)
_reidentification = _counter(
    "wardline_reidentification_steps", "What happened in re-identification.", "step", "why"
)
_alarms = _counter("wardline_reidentification_alarms", "What looks wrong in re-identification.", "why")
_faults = _counter("wardline_faults", "Faults of the engine's own parts.", "part")


class EngineStarted(Signal, frozen=True):
    """The node is up."""

    node: str
    channels: int
    workers: int
    text: ClassVar[str] = "engine started"


class EditionRunning(Signal, frozen=True):
    """This process goes by another edition from now on."""

    edition: int
    before: int
    text: ClassVar[str] = "edition running"


class EditionRefused(Signal, frozen=True):
    """The active edition cannot be run here: the one before goes on. `why` is about files and settings."""

    edition: int
    why: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "edition refused, the one before goes on"

    def count(self) -> None:
        _faults("edition").inc()


class EditionUnreadable(Signal, frozen=True):
    """An edition with open work cannot be loaded here: its messages become dead letters, to be sent through
    again by the current one."""

    edition: int
    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "edition with open work cannot be loaded"

    def count(self) -> None:
        _faults("edition").inc()


class ContentPurged(Signal, frozen=True):
    """What was past its time is gone: `contents` removed, `renewed` sealed anew because they stay,
    `forgotten` fingerprints and courses, `keys` of days destroyed."""

    contents: int
    renewed: int
    forgotten: int
    keys: int
    text: ClassVar[str] = "purged what is past its time"

    def count(self) -> None:
        _purged.inc(self.contents)


class HttpOpened(Signal, frozen=True):
    """Health, readiness and metrics can be asked for."""

    address: str
    text: ClassVar[str] = "health and metrics"


class EngineStopping(Signal, frozen=True):
    """A stop was asked for; work in hand is finished first."""

    node: str
    text: ClassVar[str] = "engine stopping"


class ChannelOpened(Signal, frozen=True):
    """A listener is open."""

    channel: str
    address: str
    tls: bool
    text: ClassVar[str] = "channel listening"


class MessageAccepted(Signal, frozen=True):
    """A message is safe on disk. `kind` is new, duplicate or reused (control id, other content)."""

    channel: str
    kind: str

    def count(self) -> None:
        _accepted(self.channel, self.kind).inc()


class ControlIdReused(Signal, frozen=True):
    """A sender used a message control id again for other content; counted as accepted `reused`."""

    channel: str
    message_id: int
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "message control id used again with other content: taken as a new message"


class MessageRefused(Signal, frozen=True):
    """A message was answered with an error or a rejection."""

    channel: str
    reason: str
    message_id: int
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "message refused"

    def count(self) -> None:
        _refused(self.channel, self.reason).inc()


class BatchReceived(Signal, frozen=True):
    """A batch came: `taken`, taken although its envelope does not hold (`doubtful`), or `refused`."""

    channel: str
    result: str
    messages: int

    def count(self) -> None:
        _envelopes(self.channel, self.result).inc()


class BatchDoubtful(Signal, frozen=True):
    """What does not hold about a batch whose messages were or were not taken."""

    channel: str
    place: str
    finding: str
    taken: bool
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "the envelope of a batch does not hold"


class FolderWatched(Signal, frozen=True):
    """A folder listener is at work."""

    channel: str
    text: ClassVar[str] = "channel watches its folder"


class FolderAway(Signal, frozen=True):
    """A folder cannot be worked on; it is tried again. `error` is the system's word (`ENOENT`)."""

    channel: str
    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "folder cannot be worked on: files wait, it is tried again"

    def count(self) -> None:
        _faults("folder").inc()


class FolderBack(Signal, frozen=True):
    """A folder can be worked on again."""

    channel: str
    text: ClassVar[str] = "folder can be worked on again"


class FolderSeen(Signal, frozen=True):
    """What lies in a folder: files that wait, those that match but are no plain files, the age of the
    oldest in seconds."""

    channel: str
    waiting: int
    odd: int
    oldest: float

    def count(self) -> None:
        for what in ("waiting", "odd", "oldest"):
            _folder(self.channel, what).set(getattr(self, what))


class FileRead(Signal, frozen=True):
    """So many bytes are left of the file in work."""

    channel: str
    left: int

    def count(self) -> None:
        _folder(self.channel, "bytes_left").set(self.left)


class FileEnded(Signal, frozen=True):
    """A file is `done`, or set aside as `failed` with a report beside it."""

    channel: str
    result: str
    messages: int
    refused: int
    text: ClassVar[str] = "file taken"

    def count(self) -> None:
        _files(self.channel, self.result).inc()


class Answered(Signal, frozen=True):
    """An acknowledgement left."""

    channel: str
    code: str
    seconds: float

    def count(self) -> None:
        _answers(self.channel, self.code).inc()
        _latency(self.channel).observe(self.seconds)


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
        _faults("fhir").inc()


class AcceptFailed(Signal, frozen=True):
    """The store could not make messages durable: no answer was given, connections were closed."""

    messages: int
    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "messages not stored: no answer given, senders will send again"

    def count(self) -> None:
        _faults("intake").inc()


class AuditOverdue(Signal, frozen=True):
    """Entries of the audit are past their years and cannot be removed by the engine: why, which is a fixed
    phrase. Told once a day; a person has to act."""

    why: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "audit not purged: entries stay past their years"

    def count(self) -> None:
        _faults("audit-purge").inc()


class AuditFailed(Signal, frozen=True):
    """What clients were to be shown could not be recorded: it was not shown."""

    answers: int
    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "audit not written: clients were shown nothing"

    def count(self) -> None:
        _faults("audit").inc()


class StoreFailed(Signal, frozen=True):
    """The store does not take commits; listeners are closed until it does."""

    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "store unavailable: listeners closed until it recovers"

    def count(self) -> None:
        _faults("store").inc()


class StoreRecovered(Signal, frozen=True):
    """The store takes commits again."""

    text: ClassVar[str] = "store available again: listeners open"


class MessagesRouted(Signal, frozen=True):
    """A batch of messages became effects, was filtered, or died."""

    channel: str
    result: str
    messages: int

    def count(self) -> None:
        _routed(self.channel, self.result).inc(self.messages)


class PrivacyIncident(Signal, frozen=True):
    """The guard stopped what identifies somebody on its way out: of which message, `where` (routing,
    delivery, answer), at which place (`charge.key`), and which row of the policy it is of."""

    level = "error"
    text = "what identifies somebody was about to leave"

    channel: str
    where: str
    message: int
    place: str
    row: str

    def count(self) -> None:
        _incidents(self.channel, self.where).inc()


class DeliverySettled(Signal, frozen=True):
    """An attempt at a delivery ended."""

    destination: str
    outcome: str
    reason: str = ""

    def count(self) -> None:
        _settled(self.destination, self.outcome, self.reason).inc()


class BatchDelivered(Signal, frozen=True):
    """A batch was carried out."""

    destination: str
    deliveries: int
    seconds: float

    def count(self) -> None:
        _batches(self.destination).observe(self.seconds)


class DestinationAway(Signal, frozen=True):
    """A destination did not take anything; deliveries wait."""

    destination: str
    reason: str
    waiting_seconds: float
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "destination away: deliveries wait and are tried again"


class ApplicationAnswerTaken(Signal, frozen=True):
    """The sender's system took an application answer on the link of its own."""

    channel: str
    message_id: int

    def count(self) -> None:
        _application(self.channel, "taken").inc()


class ApplicationAnswerRefused(Signal, frozen=True):
    """It refused one (AE, CE, or AR and CR again and again): the answer is given up, the message is not."""

    channel: str
    message_id: int
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "application answer refused by the other side: given up"

    def count(self) -> None:
        _application(self.channel, "refused").inc()


class ApplicationAnswerUnwritten(Signal, frozen=True):
    """One cannot be written, because its message cannot be read back: it is given up. A content that its
    retention removed, or a damaged store."""

    channel: str
    message_id: int
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "application answer given up: its message cannot be read back from the store"

    def count(self) -> None:
        _application(self.channel, "unwritten").inc()


class ApplicationLinkAway(Signal, frozen=True):
    """An application answer could not be told: it stays owed. `why` is the network's word or ours."""

    channel: str
    why: str
    waiting_seconds: float
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "link of application answers away: they stay owed and are tried again"

    def count(self) -> None:
        _application(self.channel, "away").inc()


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


class AuditSigned(Signal, frozen=True):
    """A checkpoint of the audit was signed (`engine.auditing.Checkpoint`, bytes in base64): kept with the
    logs, it is evidence outside the store."""

    number: int
    upto: int
    at: float
    chain: str
    versions_upto: int
    versions_chain: str
    key_id: str
    signature: str
    text: ClassVar[str] = "audit signed"


class AuditUnwitnessed(Signal, frozen=True):
    """A checkpoint of the audit could not be made or not be written to its file; tried again."""

    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "audit not signed: the store or the file of checkpoints cannot be written"

    def count(self) -> None:
        _faults("audit").inc()


class AuditContradicted(Signal, frozen=True):
    """The file of checkpoints knows of entries that the store does not have: it was rolled back to an older
    copy, or somebody removed them."""

    number: int
    upto: int
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "audit contradicted: the file of checkpoints knows of more than the store holds"

    def count(self) -> None:
        _faults("audit").inc()


class ReidentifyOpened(Signal, frozen=True):
    """The service of re-identification listens; `asks` is whether it asks for certificates."""

    address: str
    tls: bool
    asks: bool
    text: ClassVar[str] = "re-identification listening"


class ReidentificationStep(Signal, frozen=True):
    """A step that stands in the audit (`engine.reidentify.words.Steps`). Only counted: the audit tells
    more."""

    step: str
    why: str

    def count(self) -> None:
        _reidentification(self.step, self.why if len(self.why) < 20 else "").inc()


class ReidentificationAlarm(Signal, frozen=True):
    """Somebody has to look: `enumeration` (tokens are guessed), `limit` (the hour's most is used up), `own`
    (an approval of one's own), `locked` (wrong keys), `people` (the people file cannot be used: nobody comes
    in), `replaced` (another service began on the store: this one ends)."""

    who: str
    why: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "re-identification: somebody has to look at this"

    def count(self) -> None:
        _alarms(self.why).inc()


class LoopFailed(Signal, frozen=True):
    """A loop of the engine failed; it goes on after a rest. `error` is the exception's type."""

    part: str
    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "part of the engine failed and will try again"

    def count(self) -> None:
        _faults(self.part).inc()


class WorkerEnded(Signal, frozen=True):
    """A worker process ended and is started again."""

    worker: int
    status: int
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "worker ended unexpectedly; starting another"

    def count(self) -> None:
        _faults("worker").inc()
