"""What a proof came to, for machines (signed JSON) and for people (a page)."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.errors import Misconfigured
from engine.store.audit_keys import AuditKeys, verify

__all__ = ["Hit", "Report", "Searched", "page", "read_signed", "signed"]


_SHOWN: Final = 200


class Searched(msgspec.Struct, frozen=True):
    """A place that was searched: how many such, how many bytes."""

    name: str
    count: int
    bytes: int


class Hit(msgspec.Struct, frozen=True):
    """A value of a row stood where it must not."""

    row: str
    message: str
    place: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `plan` is the hash of all that was sent, the same for the same seed, table and channels;
    `table` that of the policy's table."""

    wardline: str
    seed: int
    plan: str
    table: str
    began: str
    seconds: int
    store: str
    odoo: str
    channels: list[str]
    versions: list[str]
    rows: dict[str, int]
    tried: dict[str, int]
    not_tried: dict[str, list[str]]
    canaries: int
    sent: dict[str, int]
    states: dict[str, int]
    kills: int
    stopped_by_guard: int
    incidents: dict[str, int]
    searched: list[Searched]
    not_searched: list[str]
    sealed: dict[str, str]
    digests: int
    hits: list[Hit]
    faults: list[str]

    @property
    def clean(self) -> bool:
        """Whether nothing was found, and everything that had to happen did."""
        return not self.hits and not self.faults


def signed(report: Report, keys: AuditKeys) -> bytes:
    """The report with an Ed25519 signature over its canonical bytes, as JSON."""
    body = msgspec.json.encode(report, order="sorted")
    outer = {
        "report": msgspec.Raw(body),
        "key_id": keys.key_id,
        "public": base64.b64encode(keys.public()).decode(),
        "signature": base64.b64encode(keys.sign(body)).decode(),
    }
    return msgspec.json.format(msgspec.json.encode(outer), indent=1) + b"\n"


def read_signed(path: Path, public: bytes | None = None) -> tuple[Report, bool, str]:
    """A report, whether its signature holds, and the public key (base64) it holds under: `public`, or the one
    it names itself. Raises `Misconfigured` for what is no report."""
    try:
        outer: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        report = msgspec.convert(outer["report"], Report)
        key = public or base64.b64decode(outer["public"])
        signature = base64.b64decode(outer["signature"])
    except (OSError, ValueError, KeyError, TypeError, msgspec.MsgspecError):
        raise Misconfigured("is no report of a proof", where=str(path)) from None
    body = msgspec.json.encode(report, order="sorted")
    same = msgspec.json.encode(outer["report"], order="sorted") == body
    return report, same and verify(key, body, signature), base64.b64encode(key).decode()


def page(report: Report) -> str:
    """The report for an officer, as Markdown."""
    verdict = "**No value was found.**" if report.clean else f"**{len(report.hits)} values were found.**"
    ended = f"killed {report.kills} times, and the guard stopped {report.stopped_by_guard} messages"
    return "\n".join(
        [
            f"# Proof of privacy\n\n{verdict}\n",
            f"Wardline {report.wardline}, {report.began}, {report.seconds} s, seed {report.seed}.",
            f"Plan {report.plan}; table {report.table}.\n",
            *_table("rows of the table", ("there are", "tried"), _rows(report)),
            f"\n{report.canaries:,} values, one for each place, in: {_counts(report.sent)}.",
            f"They ended: {_counts(report.states)}. The engine was {ended}.",
            "\n## Not tried\n",
            *(f"- {len(rows)}: {why}: {_some(rows)}" for why, rows in sorted(report.not_tried.items())),
            "\n## Searched\n",
            *_table(
                "place", ("how many", "bytes"), [(one.name, one.count, one.bytes) for one in report.searched]
            ),
            f"\nPlain hashes of numbers that were sent, looked for in the store: {report.digests:,}.",
            *(f"Sealed: {name}: {said}." for name, said in sorted(report.sealed.items())),
            "\n## Not searched\n",
            *(f"- {one}" for one in report.not_searched),
            "\n## Found\n",
            *(f"- {hit.row} (of {hit.message}) in {hit.place}" for hit in report.hits[:_SHOWN]),
            *(f"- {fault}" for fault in report.faults),
            "Nothing.\n" if report.clean else "",
        ]
    )


def _rows(report: Report) -> list[tuple[str, int, int]]:
    return [(kind, count, report.tried.get(kind, 0)) for kind, count in sorted(report.rows.items())]


def _table(what: str, columns: tuple[str, str], rows: list[tuple[str, int, int]]) -> list[str]:
    head = [f"| {what} | {' | '.join(columns)} |", "|---|---:|---:|"]
    return head + [f"| {name} | {first:,} | {second:,} |" for name, first, second in rows]


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in sorted(counted.items()))


def _some(rows: list[str]) -> str:
    return ", ".join(rows[:8]) + (f" and {len(rows) - 8} more" if len(rows) > 8 else "")
