"""What every store promises about alerts and their notices."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from engine.auditing import Act, AuditQuery, Entry
from engine.model import Owner
from engine.store.base import Store
from engine.store.contracts.alerts import Seen
from engine.watching import Alert, AlertQuery, Found, Kind, Opening, SentNotice

TOLD = Entry(at=500.0, who="ann", role="user", act=Act.ALERT, object="alert:1", why="on my way")


def found(channel: str = "charges", kind: Kind = Kind.SILENT, to: tuple[str, ...] = ("duty",)) -> Found:
    return Found(
        kind=kind, subject=f"channel:{channel}", value=1000.0, limit=900.0, channel=channel,
        owner=Owner.BUSINESS, to=to, said={"expected": "every 15m"},
    )  # fmt: skip


def raised(store: Store, *every: Found, now: float = 100.0) -> list[Alert]:
    return store.change_alerts([Opening(one) for one in every], [], [], now=now)


def told(store: Store, now: float) -> list[tuple[str, str, int]]:
    return [(one.event, one.route, alert.id) for one, alert in store.due_notices(now, 100)]


def sent(store: Store, now: float) -> None:
    store.settle_notices([SentNotice(one.id, "sent", now) for one, _ in store.due_notices(now, 100)])


class AlertContract:
    def test_an_alert_is_kept_as_it_was_raised(self, store: Store) -> None:
        (alert,) = raised(store, found())
        assert store.open_alerts() == [alert]
        assert (alert.cause, alert.channel, alert.owner) == (
            "silent channel:charges",
            "charges",
            Owner.BUSINESS,
        )
        assert (alert.value, alert.worst, alert.limit, alert.times) == (1000.0, 1000.0, 900.0, 1)
        assert alert.said == {"expected": "every 15m"}
        assert (alert.opened_at, alert.closed_at, alert.critical) == (100.0, 0.0, True)

    def test_one_is_open_about_a_cause_however_many_raise_it_at_once(self, store: Store) -> None:
        with ThreadPoolExecutor(8) as pool:
            opened = list(pool.map(lambda _: raised(store, found(), found("adt")), range(16)))
        assert sorted(alert.channel for some in opened for alert in some) == ["adt", "charges"]
        assert len(store.open_alerts()) == 2
        assert len(store.due_notices(100.0, 100)) == 2

    def test_a_closed_one_may_be_raised_anew(self, store: Store) -> None:
        (first,) = raised(store, found())
        (second,) = store.change_alerts([Opening(found(), 2)], [first.id], [], now=200.0)
        assert store.open_alerts() == [second]
        assert (second.id > first.id, second.times) == (True, 2)
        assert store.openings(0.0) == {first.cause: 2}
        assert store.openings(150.0) == {first.cause: 1}
        assert store.change_alerts([], [first.id], [], now=300.0) == []
        assert [one.closed_at for one in store.alerts(AlertQuery())] == [0.0, 200.0]

    def test_its_value_and_the_worst_are_renewed(self, store: Store) -> None:
        (alert,) = raised(store, found())
        store.change_alerts([], [], [Seen(alert.id, 1200.0, 5000.0)], now=150.0)
        (now,) = store.open_alerts()
        assert (now.value, now.worst, now.seen_at, now.opened_at) == (1200.0, 5000.0, 150.0, 100.0)
        assert now.said == alert.said

    def test_each_route_is_told_of_the_beginning_and_then_of_the_end(self, store: Store) -> None:
        (alert,) = raised(store, found(to=("duty", "chat")))
        assert told(store, 100.0) == [("opened", "duty", alert.id), ("opened", "chat", alert.id)]
        assert told(store, 99.0) == []
        sent(store, 110.0)
        assert told(store, 110.0) == []
        store.change_alerts([], [alert.id], [], now=200.0)
        assert told(store, 200.0) == [("closed", "duty", alert.id), ("closed", "chat", alert.id)]
        sent(store, 210.0)
        assert [one.state for one in store.notices(alert.id)] == ["sent"] * 4

    def test_a_route_that_was_not_reached_is_told_of_the_beginning_before_the_end(self, store: Store) -> None:
        (alert,) = raised(store, found())
        ((opened, _),) = store.due_notices(100.0, 10)
        store.settle_notices([SentNotice(opened.id, "due", 160.0, "refused")])
        store.change_alerts([], [alert.id], [], now=120.0)
        assert told(store, 120.0) == []
        assert told(store, 160.0) == [("opened", "duty", alert.id)]
        (again, _) = store.due_notices(160.0, 10)[0]
        assert (again.attempts, again.said) == (1, "refused")
        store.settle_notices([SentNotice(again.id, "dead", 160.0, "gave up")])
        assert told(store, 160.0) == [("closed", "duty", alert.id)]

    def test_what_was_settled_is_not_settled_again(self, store: Store) -> None:
        (alert,) = raised(store, found())
        ((one, _),) = store.due_notices(100.0, 10)
        store.settle_notices([SentNotice(one.id, "sent", 101.0)])
        store.settle_notices([SentNotice(one.id, "dead", 102.0)])
        assert [(one.state, one.attempts) for one in store.notices(alert.id)] == [("sent", 1)]

    def test_somebody_takes_it_on_and_the_audit_says_so(self, store: Store) -> None:
        (alert,) = raised(store, found())
        taken = store.take_alert(alert.id, at=500.0, told=TOLD)
        assert taken is not None
        assert (taken.taken_by, taken.taken_at) == ("ann", 500.0)
        assert store.open_alerts() == [taken]
        assert [one.entry.why for one in store.entries(AuditQuery(act=Act.ALERT))] == ["on my way"]

    def test_what_is_over_or_never_was_is_neither_taken_nor_made_quiet(self, store: Store) -> None:
        (alert,) = raised(store, found())
        store.change_alerts([], [alert.id], [], now=200.0)
        for number in (alert.id, 99):
            assert store.take_alert(number, at=500.0, told=TOLD) is None
            assert store.quiet_alert(number, until=900.0, at=500.0, told=TOLD) is None
        assert store.entries(AuditQuery(act=Act.ALERT)) == []

    def test_while_it_is_quiet_nothing_is_told_and_at_the_end_what_still_stands(self, store: Store) -> None:
        (alert,) = raised(store, found())
        sent(store, 110.0)
        quiet = store.quiet_alert(alert.id, until=1000.0, at=500.0, told=TOLD)
        assert quiet is not None
        assert (quiet.quiet_until, quiet.why) == (1000.0, "on my way")
        assert told(store, 999.0) == []
        assert told(store, 1000.0) == [("still", "duty", alert.id)]
        store.change_alerts([], [alert.id], [], now=600.0)
        assert told(store, 1000.0) == [("closed", "duty", alert.id)]

    def test_what_comes_and_goes_while_its_cause_is_quiet_is_not_told(self, store: Store) -> None:
        (first,) = raised(store, found())
        sent(store, 110.0)
        store.quiet_alert(first.id, until=1000.0, at=200.0, told=TOLD)
        store.change_alerts([], [first.id], [], now=300.0)
        sent(store, 310.0)
        (second,) = raised(store, found(), now=400.0)
        assert (second.quiet_until, second.why) == (1000.0, "on my way")
        assert told(store, 999.0) == []
        store.change_alerts([], [second.id], [], now=500.0)
        (third,) = raised(store, found(), now=600.0)
        assert told(store, 2000.0) == [("opened", "duty", third.id)]
        assert store.notices(second.id) == []

    def test_a_quiet_time_may_be_made_longer_and_be_ended(self, store: Store) -> None:
        (alert,) = raised(store, found())
        store.quiet_alert(alert.id, until=1000.0, at=150.0, told=TOLD)
        assert told(store, 150.0) == [("opened", "duty", alert.id)]  # due before: not taken back
        sent(store, 160.0)
        store.quiet_alert(alert.id, until=2000.0, at=200.0, told=TOLD)
        assert told(store, 1999.0) == []
        store.quiet_alert(alert.id, until=0.0, at=300.0, told=TOLD)
        assert told(store, 300.0) == [("still", "duty", alert.id)]

    def test_alerts_are_asked_for_newest_first(self, store: Store) -> None:
        first, second, third = (
            raised(store, found(name), now=now)[0] for name, now in [("a", 100.0), ("b", 200.0), ("c", 300.0)]
        )
        store.change_alerts([], [first.id], [], now=150.0)
        ids = [
            [one.id for one in store.alerts(query)]
            for query in (
                AlertQuery(),
                AlertQuery(open=True),
                AlertQuery(open=False),
                AlertQuery(channel="b"),
                AlertQuery(kind="silent", before=third.id),
                AlertQuery(kind="disk"),
                AlertQuery(since=160.0),
                AlertQuery(since=140.0, limit=2),
            )
        ]
        a, b, c = first.id, second.id, third.id
        assert ids == [[c, b, a], [c, b], [a], [b], [b, a], [], [c, b], [c, b]]

    def test_what_was_over_long_ago_is_forgotten_with_its_notices(self, store: Store) -> None:
        first, second, third = raised(store, found("a"), found("b"), found("c"))
        store.change_alerts([], [first.id], [], now=200.0)
        store.change_alerts([], [second.id], [], now=300.0)
        assert store.drop_alerts(250.0) == 1
        assert [one.id for one in store.alerts(AlertQuery())] == [third.id, second.id]
        assert store.notices(first.id) == []
        assert len(store.notices(second.id)) == 2
        (fourth,) = raised(store, found("a"), now=400.0)
        assert fourth.id > third.id
