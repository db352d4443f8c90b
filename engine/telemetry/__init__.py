"""What an operator sees: one catalogue of signals, each with its log line and its metric.

Call sites say what happened (`signal(Accepted(…))`); the signal decides wording, level and
labels. Signals carry ids we made, counts, sizes and closed words only: content has no voice, so
nothing here takes a free text from a message or an exception's text from a library.
"""

from engine.telemetry.alerts import (
    AlertClosed,
    AlertOpened,
    AlertsOpen,
    HeartbeatFailed,
    NoticeFailed,
    NoticeSent,
)
from engine.telemetry.audit import (
    AuditContradicted,
    AuditFailed,
    AuditOverdue,
    AuditSigned,
    AuditUnwitnessed,
    ReidentificationAlarm,
    ReidentificationStep,
    ReidentifyOpened,
)
from engine.telemetry.care import DiskFilling, DiskFree
from engine.telemetry.console import CameIn, ConsoleEnded, ConsoleOpened, KeptAway, PageFailed
from engine.telemetry.fhir import (
    CallerRefused,
    FhirAnswered,
    RequestFailed,
    TokenIssued,
    TokenRefused,
)
from engine.telemetry.folders import (
    FileEnded,
    FileRead,
    FolderAway,
    FolderBack,
    FolderSeen,
    FolderWatched,
)
from engine.telemetry.gauges import ASKED, GAUGES, LABELS
from engine.telemetry.logs import configure_logs
from engine.telemetry.node import (
    AcceptFailed,
    ContentPurged,
    EditionRefused,
    EditionRunning,
    EditionUnreadable,
    EngineStarted,
    EngineStopping,
    HttpOpened,
    LoopFailed,
    SpansTold,
    StoreFailed,
    StoreRecovered,
    WorkerEnded,
)
from engine.telemetry.processing import (
    STOOD,
    ApplicationAnswerRefused,
    ApplicationAnswerTaken,
    ApplicationAnswerUnwritten,
    ApplicationLinkAway,
    BatchDelivered,
    DeliverySettled,
    DestinationAway,
    MessagesRouted,
    OdooKeyRefused,
    PrivacyIncident,
)
from engine.telemetry.registry import METRICS, REGISTRY
from engine.telemetry.series import parsed, series
from engine.telemetry.signals import Signal, signal
from engine.telemetry.taking import (
    Answered,
    BatchDoubtful,
    BatchReceived,
    ChannelOpened,
    ControlIdReused,
    MessageAccepted,
    MessageRefused,
)

__all__ = [
    "STOOD",
    "ASKED", "GAUGES", "LABELS", "METRICS", "REGISTRY", "AcceptFailed", "AlertClosed", "AlertOpened",
    "AlertsOpen", "Answered", "ApplicationAnswerRefused", "ApplicationAnswerTaken",
    "ApplicationAnswerUnwritten", "ApplicationLinkAway", "AuditContradicted", "AuditFailed",
    "AuditOverdue", "AuditSigned", "AuditUnwitnessed", "BatchDelivered", "BatchDoubtful",
    "BatchReceived", "CallerRefused", "CameIn", "ChannelOpened", "ConsoleEnded", "ConsoleOpened",
    "ContentPurged", "ControlIdReused", "DeliverySettled", "DestinationAway", "DiskFilling",
    "DiskFree", "EditionRefused",
    "EditionRunning", "EditionUnreadable", "EngineStarted", "EngineStopping", "FhirAnswered",
    "FileEnded", "FileRead", "FolderAway", "FolderBack", "FolderSeen", "FolderWatched",
    "HeartbeatFailed", "HttpOpened", "KeptAway", "LoopFailed", "MessageAccepted", "MessageRefused",
    "MessagesRouted", "NoticeFailed", "NoticeSent", "OdooKeyRefused", "PageFailed", "PrivacyIncident",
    "ReidentificationAlarm", "ReidentificationStep", "ReidentifyOpened", "RequestFailed", "Signal",
    "SpansTold", "StoreFailed", "StoreRecovered", "TokenIssued", "TokenRefused", "WorkerEnded",
    "configure_logs", "parsed", "series", "signal",
]  # fmt: skip
