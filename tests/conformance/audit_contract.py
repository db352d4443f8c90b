"""What every store promises of the audit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from engine.auditing import Act, AuditQuery, Configuration, Entry
from engine.errors import Misconfigured
from engine.store.base import Store


def entry(number: int = 1, **given: object) -> Entry:
    plain = Entry(at=100.0 + number, who="wanda", role="operator", act=Act.LOOK, object=f"message:{number}")
    return replace(plain, **given)


class AuditContract:
    def test_entries_come_back_as_they_were_given_numbered_without_a_gap(self, store: Store) -> None:
        given = [
            entry(1, why='to "see" \\ ü', ticket="T-1", outcome="shown", detail={"b": "2", "a": "1"}),
            entry(2, act=Act.START, role="engine", object="node"),
        ]
        assert store.record(given) == [1, 2]
        assert store.record([]) == []
        assert store.record([entry(3)]) == [3]
        found = store.entries(AuditQuery())
        assert [one.entry for one in found] == [*given, entry(3)]
        assert [one.id for one in found] == [1, 2, 3]
        assert len({one.chain for one in found}) == 3
        assert {len(one.chain) for one in found} == {32}
        assert store.verify_audit() == []

    def test_entries_are_found_by_what_they_say(self, store: Store) -> None:
        store.record([entry(1), entry(2, who="otto"), entry(3, act=Act.SEARCH), entry(4, object="token")])

        def found(**given: object) -> list[int]:
            return [one.id for one in store.entries(replace(AuditQuery(), **given))]

        assert found(who="otto") == [2]
        assert found(act="search") == [3]
        assert found(object="token") == [4]
        assert found(since=102.0, until=104.0) == [2, 3]
        assert found(after=1, limit=2) == [2, 3]
        assert found(who="otto", act="search") == []

    @pytest.mark.parametrize(
        "spoiled",
        [
            {"why": "two\nlines"},
            {"object": "x\x1b[2J"},
            {"object": ""},
            {"who": ""},
            {"why": "x" * 501},
            {"ticket": "x" * 201},
            {"detail": {"count": "x" * 8001}},
            {"detail": {f"n{number}": "" for number in range(51)}},
        ],
    )
    def test_what_may_not_be_written_is_refused_and_nothing_with_it_is(
        self, store: Store, spoiled: dict[str, object]
    ) -> None:
        with pytest.raises(Misconfigured):
            store.record([entry(1), entry(2, **spoiled)])
        assert store.entries(AuditQuery()) == []
        assert store.record([entry(1)]) == [1]

    def test_threads_append_to_one_chain(self, store: Store) -> None:
        with ThreadPoolExecutor(8) as pool:
            numbers = list(pool.map(lambda number: store.record([entry(number), entry(number)]), range(40)))
        assert sorted(number for some in numbers for number in some) == list(range(1, 81))
        assert all(second == first + 1 for first, second in numbers)
        assert store.verify_audit() == []

    def test_a_checkpoint_is_made_when_there_is_something_new(self, store: Store) -> None:
        store.record([entry(1)])
        first = store.checkpoint(200.0)
        assert first is not None
        # The key that signs is told in the chain before the first time.
        assert (first.number, first.upto, first.at) == (1, 2, 200.0)
        assert store.entries(AuditQuery(after=1))[0].entry.object == f"audit-key:{first.key_id}"
        assert store.checkpoint(201.0) is None
        store.record([entry(2)])
        second = store.checkpoint(202.0)
        assert second is not None
        assert (second.number, second.upto) == (2, 3)
        assert store.checkpoints(0) == [first, second]
        assert store.checkpoints(1) == [second]
        assert store.verify_audit([first, second]) == []

    def test_what_is_past_its_time_goes_and_the_rest_can_still_be_proved(self, store: Store) -> None:
        store.record([entry(1), entry(2)])
        first = store.checkpoint(200.0)
        store.record([entry(3)])
        store.checkpoint(300.0)
        store.record([entry(4)])
        told = entry(5, role="engine", act=Act.PURGE, detail={"before": "2020-01-01"})
        assert store.purge_audit(200.0, told) == 0
        assert store.purge_audit(250.0, told) == 3
        found = store.entries(AuditQuery())
        assert [one.id for one in found] == [4, 5, 6, 7]
        assert found[2].entry.detail == {"before": "2020-01-01", "upto": "3", "entries": "3"}
        assert found[2].entry.object == "audit"
        assert found[3].entry.object.startswith("audit-key:")  # told again: the first time is gone
        assert first is not None
        assert store.verify_audit([first]) == []
        assert store.purge_audit(250.0, told) == 0
        store.checkpoint(400.0)
        assert store.purge_audit(350.0, told) == 1
        assert store.verify_audit() == []
        assert store.record([entry(9)]) == [9]

    def test_what_is_configured_is_remembered_with_its_entries(self, store: Store) -> None:
        one = Configuration("channel:charges", b"\x01" * 32, {"source.mllp": "aa", "effects[1]": "bb"})
        store.configure([one], [entry(1, act=Act.CONFIGURE)])
        other = replace(one, digest=b"\x02" * 32, places={})
        with pytest.raises(Misconfigured):
            store.configure([other], [entry(2, who="")])
        assert store.configured() == {"channel:charges": one}
        store.configure([other], [])
        assert store.configured() == {"channel:charges": other}
        assert len(store.entries(AuditQuery())) == 1
