"""Alerts by HTTP: a webhook of your own (signed JSON), Slack's, Microsoft Teams'.

Only addresses that the settings name are asked, never where an answer leads to; of answers only their
status is looked at.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import msgspec

from engine.alerting.routes import Route
from engine.alerting.wording import Event, Telling, lines_of, subject_of, text_of
from engine.errors import Unavailable

__all__ = ["SIGNATURE", "TIMESTAMP", "ask", "body_of", "send_hook", "signature"]

TIMEOUT: Final = 15.0
SIGNATURE: Final = "Wardline-Signature"
TIMESTAMP: Final = "Wardline-Timestamp"
_SLACK_MOST: Final = 2900
"""Characters of one of Slack's blocks."""


def send_hook(route: Route, telling: Telling) -> None:
    """Post it. Raises `Unavailable` with a fixed phrase."""
    body = msgspec.json.encode(body_of(route, telling))
    headers = {"Content-Type": "application/json"}
    notices = [str(one.notice) for one in telling.events if one.notice]
    if notices:
        headers["Idempotency-Key"] = f"notices-{'-'.join(notices[:20])}"
    if route.secret and route.kind == "webhook":
        moment = f"{telling.at:.0f}"
        headers |= {TIMESTAMP: moment, SIGNATURE: signature(route.secret, moment, body)}
    ask("POST", route.url, ca=route.ca, content=body, headers=headers)


def ask(
    method: str,
    url: str,
    *,
    ca: str = "",
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """One request that is to be answered with 2xx. Raises `Unavailable`."""
    try:
        context = ssl.create_default_context(cafile=ca or None)
        with (
            httpx.Client(verify=context, timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client,
            client.stream(method, url, content=content, headers=headers) as answer,
        ):
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise Unavailable(f"it cannot be reached ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise Unavailable(f"it answered {status}")


def signature(secret: str, moment: str, body: bytes) -> str:
    """`v1=` and the HMAC-SHA256 (RFC 2104) of the time stamp, a point and the body, in hexadecimal."""
    return f"v1={hmac.new(secret.encode(), moment.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def body_of(route: Route, telling: Telling) -> dict[str, Any]:
    """What is posted."""
    if route.kind == "slack":
        return _slack(telling)
    if route.kind == "teams":
        return _teams(telling)
    return {
        "version": 1,
        "place": telling.place,
        "sent_at": _moment(telling.at),
        "text": subject_of(telling),
        "alerts": [_alert(telling, one) for one in telling.events],
    }


def _alert(telling: Telling, event: Event) -> dict[str, Any]:
    alert = event.alert
    return {
        "event": event.event,
        "notice": event.notice,
        "id": alert.id,
        "kind": alert.kind,
        "subject": alert.subject,
        "channel": alert.channel,
        "owner": alert.owner,
        "critical": alert.critical,
        "opened_at": _moment(alert.opened_at),
        "closed_at": _moment(alert.closed_at) if alert.closed_at else None,
        "value": alert.value,
        "worst": alert.worst,
        "limit": alert.limit,
        "times": alert.times,
        "said": alert.said,
        "text": text_of(event),
        "link": telling.link_of(alert),
        "runbook": telling.runbook_of(alert),
    }


def _slack(telling: Telling) -> dict[str, Any]:
    """Slack's incoming webhook: text for notifications, blocks for reading; `&`, `<`, `>` are its own."""
    text = _escaped("\n".join(lines_of(telling)))[:_SLACK_MOST]
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return {"text": _escaped(subject_of(telling)), "blocks": [section]}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(telling: Telling) -> dict[str, Any]:
    """A message with an adaptive card, as Teams' workflows take it."""
    texts = [{"type": "TextBlock", "text": line, "wrap": True} for line in lines_of(telling) if line]
    head = {"type": "TextBlock", "text": subject_of(telling), "weight": "Bolder", "wrap": True}
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [head, *texts],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
