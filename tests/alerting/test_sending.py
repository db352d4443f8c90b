"""What people get: by a real mail server and real HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from alerting.receivers import Hooks, Mails, alert, hooks, mails
from certificates import Authority

from engine.alerting.hooks import SIGNATURE, TIMESTAMP, ask, body_of
from engine.alerting.mail import mail_of
from engine.alerting.routes import Route
from engine.alerting.telling import send
from engine.alerting.wording import Event, Telling, span_text, subject_of, text_of
from engine.errors import Unavailable
from engine.watching import Kind

NOW = 1_763_981_000.0
TELLING = Telling([Event("opened", alert(), 3)], "production", "https://wardline.hospital.example", NOW)


def mail_route(server: Mails, **given: Any) -> Route:
    standard: dict[str, Any] = {
        "name": "on-duty", "kind": "mail", "url": f"smtp://127.0.0.1:{server.port}",
        "to": ("duty@hospital.example", "second@hospital.example"), "sender": "wardline@hospital.example",
        "plain": True,
    }  # fmt: skip
    return Route(**{**standard, **given})


def hook_route(server: Hooks, **given: Any) -> Route:
    return Route(**{"name": "chat", "kind": "webhook", "url": f"{server.url}/in", "plain": True, **given})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    pair = authority.issue("mail", "localhost", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


@pytest.fixture
def hook() -> Iterator[Hooks]:
    with hooks() as server:
        yield server


def test_s76_a_mail_says_what_where_and_what_to_do() -> None:
    with mails() as server:
        send(mail_route(server), TELLING)
    (mail,) = server.taken
    assert mail["Subject"] == (
        "[Wardline production] Alert: charges: nothing heard for 42 min, expected every 15m, mon-fri 07-19"
    )
    assert (mail["From"], mail["To"]) == (
        "wardline@hospital.example", "duty@hospital.example, second@hospital.example",
    )  # fmt: skip
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == (
        "<notice-3.on-duty@wardline.invalid>", "auto-generated",
    )  # fmt: skip
    assert server.envelopes[0].rcpt_tos == ["duty@hospital.example", "second@hospital.example"]
    text = mail.get_content()
    for said in (
        "ALERT charges: nothing heard for 42 min",
        "since 2025-11-24 10:00 UTC, something stands still; whose: technical",
        "https://wardline.hospital.example/alerts/7",
        "runbooks/alert-silent",
    ):
        assert said in text


def test_mail_goes_under_tls_with_a_log_in(authority: Authority, tls: ssl.SSLContext) -> None:
    with mails(tls, ("wardline", "word")) as server:
        route = mail_route(server, plain=False, ca=str(authority.file), user="wardline", password="word")
        send(route, TELLING)
        assert server.under_tls == [True]
        wrong = mail_route(server, plain=False, ca=str(authority.file), user="wardline", password="x")
        with pytest.raises(Unavailable, match="answered 535"):
            send(wrong, TELLING)


def test_mail_does_not_go_without_tls_where_that_is_not_allowed() -> None:
    with mails() as server:
        with pytest.raises(Unavailable, match="does not offer"):
            send(mail_route(server, plain=False), TELLING)
        assert server.taken == []


def test_mail_does_not_go_to_somebody_else_who_says_he_is_the_server(tls: ssl.SSLContext) -> None:
    with mails(tls) as server, pytest.raises(Unavailable, match="certificate does not hold"):
        send(mail_route(server, plain=False), TELLING)


@pytest.mark.parametrize("says", ["451 later", "550 no such user patient Testmann"])
def test_what_a_mail_server_says_stays_with_it(says: str) -> None:
    with mails() as server:
        server.says = says
        with pytest.raises(Unavailable) as refused:
            send(mail_route(server), TELLING)
    assert str(refused.value) == f"the mail server answered {says[:3]}"


def test_nobody_there() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        send(
            Route("on-duty", "mail", "smtp://127.0.0.1:9", ("a@b.example",), "c@d.example", plain=True),
            TELLING,
        )
    with pytest.raises(Unavailable, match="cannot be reached"):
        send(Route("chat", "webhook", "http://127.0.0.1:9/x", plain=True), TELLING)


def test_s76_a_webhook_is_signed_over_time_and_body(hook: Hooks) -> None:
    send(hook_route(hook, secret="between-us"), TELLING)
    (asked,) = hook.asked
    moment = asked.headers[TIMESTAMP.lower()]
    expected = hmac.new(b"between-us", moment.encode() + b"." + asked.body, hashlib.sha256).hexdigest()
    assert asked.headers[SIGNATURE.lower()] == f"v1={expected}"
    assert asked.headers["idempotency-key"] == "notices-3"
    said = json.loads(asked.body)
    assert (said["version"], said["place"], said["sent_at"]) == (1, "production", "2025-11-24T10:43:20Z")
    assert said["alerts"] == [
        {
            "event": "opened", "notice": 3, "id": 7, "kind": "silent", "subject": "channel:charges",
            "channel": "charges", "owner": "technical", "critical": True,
            "opened_at": "2025-11-24T10:00:00Z", "closed_at": None, "value": 2520.0, "worst": 2520.0,
            "limit": 900.0, "times": 1, "said": {"expected": "every 15m, mon-fri 07-19"},
            "text": "charges: nothing heard for 42 min, expected every 15m, mon-fri 07-19",
            "link": "https://wardline.hospital.example/alerts/7",
            "runbook": "https://wardline.hospital.example/manual/runbooks/alert-silent",
        }
    ]  # fmt: skip


def test_a_webhook_that_moves_is_not_followed(hook: Hooks) -> None:
    hook.status = 307
    with pytest.raises(Unavailable, match="it answered 307"):
        send(hook_route(hook), TELLING)
    assert [one.path for one in hook.asked] == ["/in"]


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_what_is_not_taken_is_said(hook: Hooks, status: int) -> None:
    hook.status = status
    with pytest.raises(Unavailable, match=f"it answered {status}"):
        send(hook_route(hook), TELLING)


def test_slack_gets_text_and_blocks_and_nothing_that_is_its_own_language(hook: Hooks) -> None:
    odd = alert(subject="channel:a<b>&c", channel="a<b>&c")
    send(hook_route(hook, kind="slack"), TELLING._replace(events=[Event("opened", odd)]))
    said = json.loads(hook.asked[0].body)
    assert said["text"].startswith("[Wardline production] Alert: a&lt;b&gt;&amp;c: nothing heard")
    assert said["blocks"][0]["text"]["type"] == "mrkdwn"
    assert SIGNATURE.lower() not in hook.asked[0].headers


def test_slack_gets_no_more_than_it_takes() -> None:
    every = [Event("opened", alert(id=number)) for number in range(200)]
    said = body_of(Route("chat", "slack", "https://hooks.slack.com/x"), TELLING._replace(events=every))
    assert len(said["blocks"][0]["text"]["text"]) <= 3000
    assert said["text"] == "[Wardline production] Alerts: 200 new"


def test_teams_gets_an_adaptive_card(hook: Hooks) -> None:
    send(hook_route(hook, kind="teams"), TELLING)
    said = json.loads(hook.asked[0].body)
    (attachment,) = said["attachments"]
    assert (said["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"][0]["text"] == subject_of(TELLING)


def test_a_heartbeat_is_one_request(hook: Hooks) -> None:
    ask("GET", f"{hook.url}/alive")
    assert [(one.path, one.body) for one in hook.asked] == [("/alive", b"")]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_its_words(kind: Kind) -> None:
    said = {"reason": "unmapped-code", "within": "300", "expected": "every 15m"}
    one = alert(kind=kind, cause=f"{kind} channel:charges", value=0.5, worst=0.5, limit=0.1, said=said)
    for event in ("opened", "still", "closed"):
        text = text_of(Event(event, one))  # type: ignore[arg-type]
        assert "charges" in text
        assert "{" not in text


def test_what_is_over_and_what_comes_again_is_told_so() -> None:
    over = Event("closed", alert(closed_at=1_763_978_400.0 + 4500))
    assert text_of(over) == (
        "Over after 75 min. charges: nothing heard for 42 min, expected every 15m, mon-fri 07-19"
    )
    assert text_of(Event("opened", alert(times=3))).endswith("(for the 3rd time in six hours)")
    both = TELLING._replace(events=[over, Event("opened", alert()), Event("still", alert())])
    assert subject_of(both) == "[Wardline production] Alerts: 1 new, 1 still open, 1 over"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.25 s"),
        (90, "90 s"),
        (900, "15 min"),
        (7500, "2 h 5 min"),
        (7200, "2 h"),
        (300_000, "3 days"),
    ],
)
def test_spans_as_people_say_them(seconds: float, text: str) -> None:
    assert span_text(seconds) == text


def test_a_line_end_in_what_is_told_ends_no_header() -> None:
    """Neither of a channel's own words nor of an environment's name: a mail that cannot be made is lost."""
    said = {"expected": "every 15m,\r\nBcc: somebody@else.example"}
    one = alert(said=said)
    telling = Telling([Event("opened", one, 3)], "north\nside", "", NOW)
    with mails() as server:
        mail = mail_of(mail_route(server), telling)
    assert "\n" not in mail["Subject"]
    assert mail["Bcc"] is None


def test_no_proxy_of_the_environment_is_told(hook: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of a route is a secret: only its own host gets it."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    send(hook_route(hook), TELLING)
