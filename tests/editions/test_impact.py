"""What an edition would change of stored messages: real channels, a real store, nothing touched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import yaml
from editions.edition_kit import CHANNELS, charge

from engine.config.loading import LoadedChannel, load_channels
from engine.editions.impact import Channel, Impact, differing, impact
from engine.editions.page import page
from engine.editions.wording import headline, pairs, sentence
from engine.fhir.stored import Stored, pack
from engine.model import Arrival
from engine.resources import ResourceKey, Unit, Write
from engine.store.base import Store
from engine.store.keys import KeyRing
from engine.store.sql import open_store

KEY = bytes(32)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path}/wardline.db", KeyRing({"first": b"\x07" * 32}))
    yield store
    store.close()


@pytest.fixture
def new(tmp_path: Path) -> Path:
    shutil.copytree(CHANNELS, tmp_path / "new")
    return tmp_path / "new"


@pytest.fixture(scope="module")
def old() -> list[LoadedChannel]:
    return load_channels(CHANNELS)


def took(store: Store, channel: str, raws: list[bytes], at: float = 1_795_000_000.0) -> list[int]:
    before = store.newest(channel, 10_000)
    store.accept(
        [
            Arrival(channel, raw, f"{channel}{at}{number}".encode(), raw[-32:], at, "accepted", None, "X")
            for number, raw in enumerate(raws)
        ]
    )
    return store.newest(channel, 10_000)[len(before) :]


def found(store: Store, old: list[LoadedChannel], folder: Path, last: int = 100) -> Impact:
    channels = load_channels(folder)
    ids = {name: store.newest(name, last) for name in differing(old, channels)[0]}
    return impact(store, old, channels, ids, KEY)


def of(one: Impact, name: str) -> Channel:
    return next(channel for channel in one.channels if channel.name == name)


def said(channel: Channel) -> list[str]:
    return [sentence(group) for group in channel.groups]


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_a_ward_that_moves_is_told_as_what_it_means(
    store: Store, old: list[LoadedChannel], new: Path
) -> None:
    ids = took(store, "dft-charges", [charge(one, ward="IMC" if one % 3 else "3A") for one in range(12)])
    edit(new / "tables/locations.csv", "IMC,WH/Wards/ICU,", "IMC,WH/Wards/IMC,")
    changed = of(found(store, old, new), "dft-charges")
    assert headline(changed) == "dft-charges (changed): 8 of 12 messages compared"
    assert said(changed) == ["8 uses change location"]
    (group,) = changed.groups
    assert pairs(group) == ["WH/Wards/ICU → WH/Wards/IMC (8)"]
    assert set(group.examples) <= set(ids)


def test_a_code_that_goes_and_one_that_comes(store: Store, old: list[LoadedChannel], new: Path) -> None:
    took(store, "dft-charges", [charge(1), charge(2), charge(3, code="999888")])
    edit(new / "tables/items.csv", "270001,", "999888,")
    changed = of(found(store, old, new), "dft-charges")
    assert changed.other == 3
    assert said(changed)[:2] == [
        "2 messages become dead letters: unmapped-code",
        "1 message that was a dead letter (unmapped-code) now passes",
    ]
    assert "1 charge is made that was not before" in said(changed)
    assert "2 charges are not made any more" in said(changed)


def test_what_is_refused_at_the_door_is_seen_too(store: Store, old: list[LoadedChannel], new: Path) -> None:
    took(store, "dft-charges", [charge(1), charge(2).replace(b"DFT^P03^DFT_P03", b"DFT^P99^DFT_P03")])
    edit(new / "dft-charges.yaml", "[DFT^P03, DFT^P11,", "[DFT^P99, DFT^P11,")
    changed = of(found(store, old, new), "dft-charges")
    assert "1 message is refused at the door: unknown-event" in said(changed)
    assert "1 message that was refused at the door (unknown-event) now passes" in said(changed)
    assert any("answered AR instead of AA" in one for one in said(changed))


def test_courses_are_remembered_from_message_to_message(
    store: Store, old: list[LoadedChannel], new: Path
) -> None:
    messages = yaml.safe_load((CHANNELS / "theatre-schedule.test.yaml").read_text())["messages"]
    raws = [messages[name].replace("\n", "\r").encode() for name in ("booking", "called-off")]
    took(store, "theatre-schedule", [raws[0]])
    took(store, "theatre-schedule", [raws[1]], at=1_795_000_100.0)
    edit(new / "tables/locations.csv", "OR1,WH/Theatre/OR1,", "OR1,WH/Theatre/OR9,")
    changed = of(found(store, old, new), "theatre-schedule")
    assert said(changed) == ["1 reservation changes location"]  # the release is what it was
    assert pairs(changed.groups[0]) == ["WH/Theatre/OR1 → WH/Theatre/OR9 (1)"]


def test_what_was_said_before_is_known_and_not_counted(
    store: Store, old: list[LoadedChannel], new: Path
) -> None:
    messages = yaml.safe_load((CHANNELS / "theatre-schedule.test.yaml").read_text())["messages"]
    raws = [messages[name].replace("\n", "\r").encode() for name in ("booking", "lines-only")]
    (booked,) = took(store, "theatre-schedule", [raws[0]])
    (moved,) = took(store, "theatre-schedule", [raws[1]], at=1_795_000_100.0)
    edit(new / "tables/locations.csv", "OR1,WH/Theatre/OR1,", "OR1,WH/Theatre/OR9,")
    ids, channels = {"theatre-schedule": [moved]}, load_channels(new)
    alone = impact(store, old, channels, ids, KEY).channels[0]
    assert (alone.compared, said(alone)) == (1, [])
    known = impact(store, old, channels, ids, KEY, earlier=[booked]).channels[0]
    assert (known.messages, known.compared, said(known)) == (1, 1, ["1 reservation changes location"])


def test_channels_that_are_new_gone_or_the_same(store: Store, old: list[LoadedChannel], new: Path) -> None:
    took(store, "lab-charges", [charge(1).replace(b"DFT^P03^DFT_P03", b"ORU^R01^ORU_R01")])
    for ending in (".yaml", ".test.yaml"):
        (new / f"lab-charges{ending}").unlink()
    edit(new / "ward-orders.yaml", "channel: ward-orders", "channel: orders")
    names, same = differing(old, load_channels(new))
    assert names == {"lab-charges": "gone", "orders": "new", "ward-orders": "gone"}
    assert "dft-charges" in same
    changed = found(store, old, new)
    assert any("taken by no channel" in one for one in said(of(changed, "lab-charges")))
    assert headline(of(changed, "orders")) == "orders (new): no message to compare"


def test_resources_are_routed_with_what_they_refer_to(
    store: Store, old: list[LoadedChannel], new: Path
) -> None:
    messages = yaml.safe_load((CHANNELS / "charge-items.test.yaml").read_text())["messages"]
    for name in ("patient", "visit", "charge"):
        body = messages[name]
        key = ResourceKey("R4", body["resourceType"], body["id"])
        raw = pack(Stored("R4", key.type, key.id, 1, False, msgspec.json.encode(body)))
        arrival = Arrival("charge-items", raw, name.encode(), raw[-32:], 1_795_000_000.0, type=key.type)
        store.write([Unit("", (Write(arrival, key, 1),))])
    edit(new / "tables/items.csv", "850001,LAB-CBC,LAB-CBC,", "850001,LAB-CBC,LAB-FBC,")
    changed = of(found(store, old, new), "charge-items")
    assert (changed.compared, said(changed)) == (3, ["1 charge changes item"])
    assert pairs(changed.groups[0]) == ["LAB-CBC → LAB-FBC (1)"]


def test_only_the_newest_so_many_are_compared_and_what_is_gone_is_counted(
    store: Store, old: list[LoadedChannel], new: Path
) -> None:
    ids = took(store, "dft-charges", [charge(one) for one in range(6)])
    edit(new / "tables/locations.csv", "ICU,WH/Wards/ICU,", "ICU,WH/Wards/IMC,")
    assert of(found(store, old, new, last=2), "dft-charges").groups[0].examples == tuple(ids[-2:])
    channels = load_channels(new)
    told = impact(store, old, channels, {"dft-charges": [*ids, 999]}, KEY)
    assert "1 whose content is gone" in headline(of(told, "dft-charges"))


def test_nobody_is_shown_and_nothing_is_stored(store: Store, old: list[LoadedChannel], new: Path) -> None:
    took(store, "dft-charges", [charge(one) for one in range(9)])
    edit(new / "dft-charges.yaml", "  visit: PV1-19 or PID-18 or", "  visit: PID-18 or PV1-19 or")
    books = store.account()
    told = found(store, old, new)
    assert told.channels[0].groups
    for text in (page(told, "Impact"), msgspec.json.encode(told).decode()):
        for secret in ("TESTMANN", "TESSA", "19700131", "7701", "VISIT77", "ACCT77", "t1a_", "t1v_"):
            assert secret not in text
    shown = " ".join(pair for group in of(told, "dft-charges").groups for pair in pairs(group))
    assert "visit 1 → account 1" in shown
    assert store.account() == books


def test_the_same_channels_change_nothing(store: Store, old: list[LoadedChannel], new: Path) -> None:
    ids = took(store, "dft-charges", [charge(one) for one in range(5)])
    assert differing(old, load_channels(new))[0] == {}
    told = impact(store, old, load_channels(new), {"dft-charges": ids}, KEY)
    assert (told.channels[0].compared, told.channels[0].other, told.channels[0].groups) == (5, 0, ())


def test_a_check_of_structure_that_is_asked_for_is_made(
    store: Store, old: list[LoadedChannel], new: Path
) -> None:
    wrong = charge(1).replace(b"EVN|P03|20261121120000\r", b"")
    took(store, "dft-charges", [wrong, charge(2)])
    edit(new / "dft-charges.yaml", "\nsequence_by:", "\nvalidate: structure\n\nsequence_by:")
    changed = of(found(store, old, new), "dft-charges")
    assert "1 message becomes a dead letter: structure" in said(changed)


def test_a_table_that_reads_otherwise_by_its_schema_is_a_change(old: list[LoadedChannel], new: Path) -> None:
    schema = new / "tables/drugs.table.yaml"
    schema.write_text(schema.read_text() + "# seen\n")
    assert set(differing(old, load_channels(new))[0]) == {"pharmacy-dispense"}


def test_the_page_escapes_what_it_shows(store: Store, old: list[LoadedChannel], new: Path) -> None:
    took(store, "dft-charges", [charge(1)])
    edit(new / "tables/locations.csv", "ICU,WH/Wards/ICU,", "ICU,WH/<b>&,")
    text = page(found(store, old, new), "Impact <1>")
    assert "WH/&lt;b&gt;&amp;" in text
    assert "<b>" not in text
    assert "Impact &lt;1&gt;" in text
