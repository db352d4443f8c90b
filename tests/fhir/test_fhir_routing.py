"""Stored resources become stored effects: with what they refer to, from a real database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conformance.store_contract import RING
from fhir_channel import CHANNEL, channel_in, packed, unit
from resending import resent
from vaults import sealer

from engine.config.loading import LoadedChannel
from engine.effects import Charge, Consume, Reserve, kind_of
from engine.gathering import gather
from engine.model import Arrival, MessageState, Reason, StoredMessage
from engine.pipeline import route
from engine.privacy.book import TokenBook
from engine.privacy.vault import Vault
from engine.programs import Programs
from engine.resources import ResourceKey, Version
from engine.routing import RoutingLoop
from engine.store.base import Store
from engine.store.contracts.views import Query
from engine.store.sql import open_store

REQUEST = {
    "status": "active",
    "itemCodeableConcept": {"coding": [{"system": "urn:i", "code": "G100"}]},
    "quantity": {"value": 2},
    "deliverTo": {"reference": "Location/OR1"},
}
CHARGE = {
    "status": "billable",
    "code": {"coding": [{"code": "C1"}]},
    "subject": {"reference": "Patient/7"},
    "context": {"reference": "Encounter/9"},
    "quantity": {"value": 1},
    "priceOverride": {"value": 12.5, "currency": "EUR"},
}
PATIENT = {"identifier": [{"system": "urn:oid:1.2.3", "value": "50001"}]}
ENCOUNTER = {
    "status": "in-progress",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "V-1"}],
    "subject": {"reference": "Patient/7"},
}
VAULT = Vault(tenant="test", index_keys={"first": b"i" * 32})


@pytest.fixture
def channel(tmp_path: Path) -> LoadedChannel:
    return channel_in(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield opened
    opened.close()


def routed(store: Store, channel: LoadedChannel, reads: list[int] | None = None) -> list[Any]:
    """Route all that waits; the effects of each message, or its state and reason."""

    class Counted:
        """The store, with its reads of resources counted."""

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def resources(self, keys: Sequence[ResourceKey]) -> Mapping[ResourceKey, Version]:
            if reads is not None:
                reads.append(len(keys))
            return store.resources(keys)

    loop = RoutingLoop(
        Counted(),  # type: ignore[arg-type]
        Programs({"supply": channel.program}),
        TokenBook(VAULT, store.tokens),
        seal=sealer(store.keep_seal_key).seal,
        renew=lambda: VAULT,
        name=lambda *scope: scope[-1],
        batch=100,
        clock=lambda: 200.0,
        holder="node/0",
        routed=lambda: None,
    )
    while loop.turn() == 0.0:
        pass
    return [_became(store, view) for view in store.messages(Query())]


def _became(store: Store, view: Any) -> Any:
    effects = [one.delivery.effect for one in store.deliveries(Query(), message_id=view.id)]
    return effects or (view.state, view.step or view.reason)


def test_a_request_becomes_a_reservation(store: Store, channel: LoadedChannel) -> None:
    store.write([unit("u1", ("SupplyRequest", "s1", REQUEST))])
    ((effect,),) = routed(store, channel)
    assert isinstance(effect, Reserve)
    assert (effect.key, effect.destination, effect.items[0].code) == ("supply/s1", "OR1", "G100")


def test_what_a_charge_refers_to_is_read_in_one_go_for_a_batch(store: Store, channel: LoadedChannel) -> None:
    store.write([unit("u1", ("Patient", "7", PATIENT), ("Encounter", "9", ENCOUNTER))])
    store.write([unit(f"c{n}", ("ChargeItem", f"c{n}", CHARGE)) for n in range(5)])
    reads: list[int] = []
    found = routed(store, channel, reads)
    assert found[:2] == [(MessageState.FILTERED, "no-effect-rule")] * 2
    assert reads == [2]  # Patient/7 and Encounter/9, whose subject is there already
    charges = [effects[0] for effects in found[2:]]
    assert {type(one) for one in charges} == {Charge}
    assert len({(one.encounter, one.subject) for one in charges}) == 1
    assert charges[0].subject.startswith("t1p_")
    assert charges[0].encounter.startswith("t1v_")


def test_references_are_followed_through_what_was_read(store: Store, channel: LoadedChannel) -> None:
    store.write([unit("u1", ("Patient", "7", PATIENT), ("Encounter", "9", ENCOUNTER))])
    by_visit = {name: value for name, value in CHARGE.items() if name != "subject"}
    store.write([unit("c1", ("ChargeItem", "c1", CHARGE)), unit("c2", ("ChargeItem", "c2", by_visit))])
    links = gather(
        [StoredMessage(1, "supply", packed("ChargeItem", "c2", by_visit), 0.0)],
        channel.program,
        store.resources,
    )
    assert {key.type for key in links} == {"Encounter", "Patient"}
    loose = CHANNEL.replace("or ChargeItem.subject or", "or ChargeItem.id or")
    assert loose != CHANNEL
    (first,), (second,) = routed(store, channel_in(channel.path.parent, loose))[2:]
    assert first.subject == second.subject


MADE_HERE = "6f1c8f6e-3c6a-4b0e-9d0f-0a1b2c3d4e5f"
BY_OUR_IDS = (
    CHANNEL.replace('key: "{ChargeItem.id}"', 'key: "{ChargeItem.id}/{ChargeItem.context->Encounter.id}"')
    .replace("      Medication:", "      Procedure: [create, read]\n      Medication:")
    .replace("or Patient.id\n", "or Patient.id or Procedure.encounter\n")
    .replace(
        "  - name: merged\n",
        """\
  - name: done
    when: {Procedure.status: completed}
    charge:
      key: "{Procedure.id}"
      encounter: Procedure.encounter
      item: Procedure.code
      quantity: literal(1)
  - name: merged
""",
    )
)
BY_NUMBER = CHANNEL.replace('key: "{ChargeItem.id}"', 'key: "{ChargeItem.identifier.value}"').replace(
    "effects:\n",
    """\
widen:
  - {path: ChargeItem.identifier, to: keep, reason: Billing knows it by that., reviewer: D. Testdoc}
effects:
""",
)


def test_ids_that_were_made_up_here_leave_in_keys(store: Store, tmp_path: Path) -> None:
    charge = {**CHARGE, "context": {"reference": f"Encounter/{MADE_HERE}"}}
    procedure = {
        "status": "completed",
        "code": {"coding": [{"code": "P1"}]},
        "encounter": {"reference": f"Encounter/{MADE_HERE}"},
    }
    store.write([unit("e1", ("Encounter", MADE_HERE, ENCOUNTER)), unit("c1", ("ChargeItem", "c1", charge))])
    store.write([unit("p1", ("Procedure", "9d2c4711-3c6a-4b0e-9d0f-0a1b2c3d4e5f", procedure))])
    charged, done = routed(store, channel_in(tmp_path, BY_OUR_IDS))[1:]
    assert [one.key for one in charged] == [f"supply/c1/{MADE_HERE}"]
    assert [one.key for one in done] == ["supply/9d2c4711-3c6a-4b0e-9d0f-0a1b2c3d4e5f"]


def test_what_a_channel_widens_leaves_and_nothing_else(store: Store, tmp_path: Path) -> None:
    numbered = {**CHARGE, "identifier": [{"system": "urn:b", "value": "BILL-4711-99"}]}
    person = {**PATIENT, "name": [{"family": "Everywoman"}]}
    leaking = {**numbered, "identifier": [{"system": "urn:b", "value": "BILL-EVERYWOMAN"}]}
    store.write([unit("u1", ("Patient", "7", person)), unit("c1", ("ChargeItem", "c1", numbered))])
    store.write([unit("c2", ("ChargeItem", "c2", leaking))])
    became, stopped = routed(store, channel_in(tmp_path, BY_NUMBER))[1:]
    assert [one.key for one in became] == ["supply/BILL-4711-99"]
    assert stopped[1].text == "identifies somebody (Patient.name.family)"


def test_a_dead_letter_is_routed_again_with_what_is_there_by_then(
    store: Store, channel: LoadedChannel
) -> None:
    body = {**REQUEST, "itemReference": {"reference": "Medication/m"}}
    del body["itemCodeableConcept"]
    store.write([unit("u1", ("SupplyRequest", "s1", body))])
    ((state, reason),) = routed(store, channel)
    assert state == MessageState.DEAD
    assert isinstance(reason, Reason)
    assert reason.place == "SupplyRequest.itemCodeableConcept[items]"
    store.write([unit("u2", ("Medication", "m", {"code": {"coding": [{"code": "PARA500"}]}}))])
    assert resent(store, 1, now=300.0) == [1]
    assert routed(store, channel)[0][0].items[0].code == "PARA500"


def test_each_supplied_item_is_consumed(store: Store, channel: LoadedChannel) -> None:
    items = [
        {"quantity": {"value": n}, "itemCodeableConcept": {"coding": [{"code": f"G{n}"}]}} for n in (0, 1, 2)
    ]
    body = {
        "status": "completed",
        "basedOn": [{"reference": "SupplyRequest/s1"}],
        "suppliedItem": items,
        "destination": {"reference": "Location/OR1"},
    }
    store.write([unit("u1", ("SupplyRequest", "s1", {**REQUEST, "status": "draft"}))])
    store.write([unit("u2", ("SupplyDelivery", "d1", body))])
    effects = routed(store, channel)[1]
    assert [type(one) for one in effects] == [Consume, Consume]
    assert [one.key for one in effects] == ["supply/d1/G1", "supply/d1/G2"]
    keys = {one.delivery.sequence_key for one in store.deliveries(Query())}
    assert keys == {"s1"}


def test_a_deletion_takes_back_what_the_version_before_said(store: Store, channel: LoadedChannel) -> None:
    store.write([unit("u1", ("SupplyRequest", "s1", REQUEST))])
    store.write([unit("u2", ("SupplyRequest", "s1", REQUEST), version=2, deleted=True)])
    assert [kind_of(one) for effects in routed(store, channel) for one in effects] == ["reserve", "release"]


def test_a_merge_holds_for_what_comes_after(store: Store, channel: LoadedChannel) -> None:
    old = {
        "identifier": [{"system": "urn:oid:1.2.3", "value": "50000"}],
        "link": [{"type": "replaced-by", "other": {"reference": "Patient/7"}}],
    }
    store.write([unit("u1", ("Patient", "7", PATIENT), ("Encounter", "9", ENCOUNTER), ("Patient", "6", old))])
    store.write([unit("c1", ("ChargeItem", "c1", CHARGE))])
    store.write([unit("c2", ("ChargeItem", "c2", {**CHARGE, "subject": {"reference": "Patient/6"}}))])
    _, _, (merge,), (first,), (second,) = routed(store, channel)
    assert merge.into == first.subject == second.subject


def test_a_message_of_the_other_kind_is_a_dead_letter_that_says_so(
    store: Store, channel: LoadedChannel
) -> None:
    raw = b"MSH|^~\\&|A|B|||20261121||ADT^A01|1|P|2.5.1\r"
    store.accept([Arrival("supply", raw, b"f" * 16, b"d" * 16, 100.0)])
    ((state, reason),) = routed(store, channel)
    assert (state, reason.code, reason.text) == (MessageState.DEAD, "structure", "not a stored resource")
    hl7 = msgspec.structs.replace(channel.program, fhir=False)
    message = StoredMessage(1, "supply", packed("SupplyRequest", "s1", REQUEST), 0.0)
    (routing,) = route([message], hl7, TokenBook(VAULT, lambda _: {}))
    assert routing.result.reason.code == "not-hl7"  # type: ignore[union-attr]


def test_a_damaged_link_is_as_one_that_is_not_there(channel: LoadedChannel) -> None:
    def fetch(keys: Sequence[ResourceKey]) -> dict[ResourceKey, Version]:
        return {key: Version(key, 1, 0.0, False, 1, 1, "u", "", "", b"", None) for key in keys}

    message = StoredMessage(1, "supply", packed("ChargeItem", "c1", CHARGE), 0.0)
    assert gather([message], channel.program, fetch) == {}


@pytest.mark.parametrize("flagged", ["ChargeItem", "Patient", "nobody"])
def test_P13_a_label_of_the_charge_or_of_its_patient_restricts_it(
    store: Store, channel: LoadedChannel, flagged: str
) -> None:
    label = {"meta": {"security": [{"code": "R"}]}}
    patient = PATIENT | (label if flagged == "Patient" else {})
    store.write([unit("u1", ("Patient", "7", patient), ("Encounter", "9", ENCOUNTER))])
    store.write([unit("c1", ("ChargeItem", "c1", CHARGE | (label if flagged == "ChargeItem" else {})))])
    (charge,) = routed(store, channel)[2]
    assert charge.encounter.startswith("t1v_")
    assert bool(charge.subject) == (flagged == "nobody")
    (*_, view) = store.messages(Query())
    assert [warning.place for warning in view.warnings] == (
        [] if flagged == "nobody" else [f"{flagged}.meta.security"]
    )


def test_P13_a_label_blocks_where_the_channel_says_so(store: Store, tmp_path: Path) -> None:
    text = CHANNEL.replace("effects:\n", "privacy: {flags: {meta.security: block}}\neffects:\n", 1)
    channel = channel_in(tmp_path, text)
    labelled = CHARGE | {"meta": {"security": [{"code": "V"}]}}
    store.write([unit("c1", ("ChargeItem", "c1", labelled))])
    assert routed(store, channel) == [(MessageState.FILTERED, "privacy-flag")]
