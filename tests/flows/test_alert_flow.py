"""The real engine tells people of ten thousand dead letters and of a silent feed: once each, and once that it
is over, also over a restart."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from itertools import count

import pytest
from alerting.receivers import Hooks, hooks
from base_message import B1, b1
from running import Engine, channel, wait_for

from engine.watching import AlertQuery

FAILING, SENDERS = 10_000, 4
WATCHED = """\
expect: every 5s
alerts: {to: [chat], error_rate: off, queue_length: off, acknowledgement: off}
"""
IGNORED = "filters: [{name: gone-from-the-list, when: {FT1-7.1: G999}}]\n"
UNKNOWN = B1.replace(b"G100", b"G999")
DEAD, SILENT = "dead-letters", "silent"


def told(server: Hooks) -> list[tuple[str, str]]:
    return [(one["event"], one["kind"]) for asked in server.asked for one in json.loads(asked.body)["alerts"]]


def sent(engine: Engine, first: int) -> None:
    """A share of the failing messages, some at a time."""
    sender = engine.connect()
    for start in range(first, first + FAILING // SENDERS, 100):
        sender.send(*(b1(f"C{start + number}", UNKNOWN) for number in range(100)))
        assert all(sender.answer(30) for _ in range(100))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_s77_ten_thousand_failures_and_a_silent_feed_are_told_once_each_and_once_as_over(
    make_engine: Callable[..., Engine],
) -> None:
    with hooks() as server:
        settings = {"NOTIFY_CHAT_URL": f"{server.url}/in", "NOTIFY_CHAT_SECRET": "between-us"}
        engine = make_engine(channel("charges", rest=WATCHED), settings=settings).start()
        threads = [
            threading.Thread(target=sent, args=(engine, number * FAILING // SENDERS))
            for number in range(SENDERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: sorted(told(server)) == [("opened", DEAD), ("opened", SILENT)], "both", engine, 90)

        engine.stop()
        (engine.channels / "channel-0.yaml").write_text(channel("charges", rest=WATCHED + IGNORED))
        engine.start()
        assert engine.wardline("redeliver", "--channel", "charges", "--why", "gone from the list")[0] == 0
        sender, number = engine.connect(), count()

        def over() -> bool:
            sender.ask(b1(f"GOOD{next(number)}"))
            time.sleep(1)
            return {("closed", DEAD), ("closed", SILENT)} <= set(told(server))

        wait_for(over, "the end of both", engine, 90)
        assert sorted(told(server)) == [
            ("closed", DEAD), ("closed", SILENT), ("opened", DEAD), ("opened", SILENT),
        ]  # fmt: skip
        with engine.store() as store:
            alerts = store.alerts(AlertQuery())  # type: ignore[attr-defined]
        worst = {one.kind: one.worst for one in alerts}
        assert (len(alerts), worst[DEAD]) == (2, FAILING)
        assert "between-us" not in "\n".join(engine.logs)


@pytest.mark.slow
def test_a_destination_that_is_away_is_one_alert_for_all_that_waits(
    make_engine: Callable[..., Engine],
) -> None:
    """Nobody listens where Odoo should be. (What is measured within a minute is away since it began.)"""
    away = {
        "ODOO_TEST_URL": "http://127.0.0.1:9", "ODOO_TEST_DATABASE": "d", "ODOO_TEST_USER": "u",
        "ODOO_TEST_KEY": "k", "ALERTS": "destination: 1s",
    }  # fmt: skip
    with hooks() as server:
        settings = {**away, "NOTIFY": "chat", "NOTIFY_CHAT_URL": server.url}
        impatient = "alerts: {queue_age: 1s}\n"
        engine = make_engine(channel("charges", rest=impatient), ledger=False, settings=settings).start()
        engine.connect().ask(b1("C1"))
        wait_for(lambda: told(server) != [], "an alert", engine, 60)
        assert told(server) == [("opened", "destination")]
        (one,) = json.loads(server.asked[0].body)["alerts"]
        assert (one["subject"], one["said"]) == ("destination:odoo:test", {"reason": "unavailable"})
        code, said = engine.wardline("alerts", "check")
        assert (code, said.split(" |")[0]) == (2, "CRITICAL - destination destination:odoo:test")


def test_a_route_that_is_not_set_is_refused_at_start(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges", rest="alerts: {to: [nowhere]}\n"))
    engine.spawn()
    assert engine.wait() == 2
    assert "WARDLINE_NOTIFY_NOWHERE_URL: is not set" in "\n".join(engine.logs)
