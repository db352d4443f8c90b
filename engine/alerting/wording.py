"""What people are told of alerts, in words: names, counts and times; never anything of a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from engine.watching import Alert, Kind, NoticeEvent

__all__ = ["Event", "Telling", "lines_of", "span_text", "subject_of", "text_of", "title_of"]


class Event(NamedTuple):
    """That an alert opened, is still open, or closed; by which notice that is told."""

    event: NoticeEvent
    alert: Alert
    notice: int = 0


class Telling(NamedTuple):
    """What one message tells: `place` is which installation, `link` the console's address or empty."""

    events: Sequence[Event]
    place: str
    link: str
    at: float

    def link_of(self, alert: Alert) -> str:
        """Where the console shows an alert; empty where its address is not known."""
        return f"{self.link}/alerts/{alert.id}" if self.link and alert.id else ""

    def runbook_of(self, alert: Alert) -> str:
        """Where the manual says what to do."""
        return f"{self.link}/manual/runbooks/alert-{alert.kind}" if self.link else ""


def span_text(seconds: float) -> str:
    """`42 s`, `15 min`, `2 h 5 min`, `3 days`."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86400:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{seconds / 86400:.0f} days"


def title_of(alert: Alert) -> str:
    """What is wrong, in a line."""
    return f"{_name(alert)}: {_SAID[alert.kind](alert, alert.value)}"


def text_of(event: Event) -> str:
    """What is told of one alert, in a sentence or two."""
    alert = event.alert
    if event.event == "closed":
        lasted = span_text(alert.closed_at - alert.opened_at)
        return f"Over after {lasted}. {_name(alert)}: {_SAID[alert.kind](alert, alert.worst)}"
    often = f" (for the {_nth(alert.times)} time in six hours)" if alert.times > 1 else ""
    still = f"Still open since {_moment(alert.opened_at)}. " if event.event == "still" else ""
    return f"{still}{title_of(alert)}{often}"


def subject_of(telling: Telling) -> str:
    """One line for all of it."""
    if len(telling.events) == 1:
        (event,) = telling.events
        word = {"opened": "Alert", "still": "Still", "closed": "Over"}[event.event]
        return f"[Wardline {telling.place}] {word}: {title_of(event.alert)}"
    count = {word: sum(one.event == word for one in telling.events) for word in ("opened", "still", "closed")}
    words = {"opened": "new", "still": "still open", "closed": "over"}
    said = ", ".join(f"{number} {words[word]}" for word, number in count.items() if number)
    return f"[Wardline {telling.place}] Alerts: {said}"


def lines_of(telling: Telling) -> list[str]:
    """The whole of it, line by line."""
    lines = []
    for event in telling.events:
        alert = event.alert
        lines.append(f"{_WORDS[event.event]} {text_of(event)}")
        lines.append(f"  since {_moment(alert.opened_at)}, {_whose(alert)}")
        lines += [f"  {link}" for link in (telling.link_of(alert), telling.runbook_of(alert)) if link]
        lines.append("")
    return lines


_WORDS: Final[Mapping[NoticeEvent, str]] = {"opened": "ALERT", "still": "STILL", "closed": "OVER"}


def _whose(alert: Alert) -> str:
    severity = "something stands still" if alert.critical else "somebody should know"
    return f"{severity}; whose: {alert.owner}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _nth(number: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")


def _name(alert: Alert) -> str:
    word, _, name = alert.subject.partition(":")
    return alert.channel or (f"{word} {name}" if name else word)


_Said = Callable[[Alert, float], str]


def _spans(text: str) -> _Said:
    return lambda alert, value: text.format(span_text(value), span_text(alert.limit))


def _counts(text: str) -> _Said:
    return lambda alert, value: text.format(f"{value:.0f}", f"{alert.limit:.0f}")


def _shares(text: str) -> _Said:
    return lambda alert, value: text.format(f"{value:.1%}", f"{alert.limit:.1%}")


def _silent(alert: Alert, value: float) -> str:
    expected = alert.said.get("expected", "")
    if alert.said.get("heard") == "never":
        return f"nothing was ever heard, expected {expected}"
    return f"nothing heard for {span_text(value)}, expected {expected}"


def _dead(alert: Alert, value: float) -> str:
    letters = "dead letter" if value == 1 else "dead letters"
    return f"{value:.0f} {letters} for {alert.said.get('reason', 'a reason')}"


def _level(alert: Alert, value: float) -> str:
    within = span_text(float(alert.said.get("within", "0")))
    return f"{value:.1%} carried out within {within}, promised were {alert.limit:.1%}"


def _away(_: Alert, value: float) -> str:
    return f"takes nothing for {span_text(value)}; what is for it waits"


_SAID: Final[Mapping[Kind, _Said]] = {
    Kind.SILENT: _silent,
    Kind.QUEUE_AGE: _spans("the oldest that waits is {} old, at most {}"),
    Kind.QUEUE_LENGTH: _counts("{} wait, at most {}"),
    Kind.ERROR_RATE: _shares("{} of the last messages became dead letters, at most {}"),
    Kind.DEAD_LETTERS: _dead,
    Kind.SERVICE_LEVEL: _level,
    Kind.ACKNOWLEDGEMENT: _spans("senders wait {} for their answer, at most {}"),
    Kind.DOOR: _spans("its door is shut for {}"),
    Kind.DESTINATION: _away,
    Kind.GAPS: _counts("{} gaps between the books and Odoo"),
    Kind.DISK: _shares("{} of the disk is free, at least {}"),
    Kind.BACKUP: _spans("the newest backup is {} old, at most {}"),
    Kind.CERTIFICATE: _counts("ends in {} days"),
    Kind.ODOO_KEY: _counts("its key ends in {} days"),
    Kind.AUDIT: _counts("the audit cannot be kept as it should be"),
    Kind.STORE: _spans("takes no commits for {}: nothing is accepted"),
    Kind.DAMAGED: _counts("what is stored does not hold"),
    Kind.PROCESS: _spans("was not heard of for {}"),
    Kind.EDITION: _spans("the active edition is refused for {}"),
    Kind.CLOCK: _spans("is off by {}, at most {}"),
}
