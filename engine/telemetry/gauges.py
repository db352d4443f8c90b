"""What is known about the metrics besides their names: labels, and last values that the store keeps."""

from __future__ import annotations

from typing import Final

__all__ = ["ASKED", "GAUGES", "LABELS"]

LABELS: Final = {
    "certificate": "the channel whose door shows it",
    "channel": "a channel's name",
    "client": "a registered client of the FHIR door, empty for none",
    "code": "of an acknowledgement: `AA`, `AE`, `AR`, `CA`, `CE`, `CR`",
    "connection": "the name of a connection to Odoo",
    "destination": "`odoo:<connection>`, `ledger:<path>`, `mllp:<connection>` …",
    "error": "the type of an error of ours",
    "event": "what happened, a fixed word",
    "how": "by what means, a fixed word",
    "interaction": "of FHIR: `create`, `search`, `bundle`, …; `refused`, `failed`",
    "kind": "which kind, a fixed word",
    "le": "upper bound of a bucket",
    "outcome": "how it ended, a fixed word",
    "part": "a part of the engine",
    "process": "a process: the node's name and a number, 0 is the first",
    "reason": "a reason's code ([runbooks](runbooks/)), empty for none",
    "result": "what became of it, a fixed word",
    "route": "a route of notices",
    "status": "of HTTP: `2xx`, `4xx`, …",
    "step": "a step of re-identification",
    "version": "of Wardline",
    "what": "which number of several, a fixed word",
    "where": "a place on the way of a message: `routing`, `delivery`, `answer`",
    "why": "a fixed word or phrase",
}
"""Every label there is, and what its values are: names that administrators chose and words that we made. None
of them comes from a message."""

GAUGES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "wardline_backup_at": ("When the newest verified backup was made (seconds since the epoch).", ()),
    "wardline_certificate_expires_at": (
        "When a certificate ends (seconds since the epoch).", ("certificate",)
    ),
    "wardline_clock_offset_seconds": ("By how much the clock was set within the last hour.", ()),
    "wardline_disk_days_left": ("In how many days the disk is full, as it grows now.", ()),
    "wardline_disk_free_ratio": ("Which share of the store's disk is free.", ()),
    "wardline_last_seen": ("When a channel was last sent something (seconds since the epoch).", ("channel",)),
    "wardline_odoo_key_expires_at": (
        "When the first API key of a connection's user ends (seconds since the epoch).", ("connection",)
    ),
    "wardline_reconciliation_checked_at": ("When the books were last checked against Odoo.", ()),
    "wardline_reconciliation_gaps": ("Gaps between messages and Odoo that are open.", ("channel",)),
    "wardline_store_bytes": ("How large the store is.", ()),
    "wardline_store_damaged": ("1 when the store was found to be damaged.", ()),
}  # fmt: skip
"""Last values that the store keeps and `/metrics` shows: what they say, and their labels."""

ASKED: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "wardline_mllp_events": (
        "counter", "What framing, connections and headers showed that was odd.", ("channel", "event")
    ),
    "wardline_backlog": (
        "gauge",
        "What waits: `unrouted`, `fragments`, `due`, `scheduled`, `owed` (application answers), `dead`, and"
        " `oldest`, the age in seconds of the oldest open one.",
        ("channel", "what"),
    ),
    "wardline_part": ("gauge", "How a part stands: 2 ready, 1 degraded, 0 unready.", ("part",)),
}  # fmt: skip
"""What is worked out when it is asked for: kind, what it says, labels."""
