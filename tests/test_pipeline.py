"""The pipeline: batches of messages become effects, filtered messages and dead letters."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine import mapping
from engine.config.build import build
from engine.config.spec import ChannelSpec
from engine.config.tables import Table, parse_table
from engine.effects import Charge, Encounter, Merge, Release, Reserve
from engine.errors import Unavailable
from engine.model import Dead, Filtered, Lane, Owner, ReasonCode, Routed, Routing, StoredMessage
from engine.pipeline import route
from engine.privacy.book import TokenBook
from engine.privacy.vault import Vault
from engine.program import Program
from engine.tokens import TokenMerge

HEAD = (
    "MSH|^~\\&|CHARGES|HOSP|||20261121||DFT^P03|C1|P|2.5\r"
    "PID|1||77^^^HOSP^MR||DOE^JANE\r"
    "PV1|1|I|ICU||||||||||||||||V1\r"
)
CHARGE = "FT1|{n}|T{n}||20261121||CG|{code}|||{quantity}\r"
ITEMS = "code,item\nG1,GLV-M\nG2,GWN-L\n"

CHARGES: dict[str, Any] = {
    "channel": "charges",
    "description": "Charges.",
    "owner": {"business": "b@x.example", "technical": "t@x.example"},
    "source": {"mllp": {"listen": "tcp:2575", "message_types": ["DFT^P03", "ADT^A40", "SIU^S12"]}},
    "sequence_by": "PV1-19",
    "tables": {"items": "items.csv"},
    "required": ["PID-3"],
    "filters": [{"name": "payments", "when": {"FT1-6.1": "PY"}}],
    "effects": [
        {
            "for_each": "FT1",
            "when": {"MSH-9.1": "DFT", "FT1-6.1": "CG"},
            "charge": {
                "key": "{FT1-2}",
                "encounter": "PV1-19",
                "item": "FT1-7.1 | lookup(items, item)",
                "quantity": "FT1-10",
            },
        }
    ],
    "destinations": [{"odoo": {"connection": "hospital"}}, {"ledger": {"path": "out.ndjson"}}],
}


def program(**changes: Any) -> Program:
    found, findings = parse_table(ITEMS, "items.csv")
    assert found is not None, findings
    tables: dict[str, Table] = {"items": found}
    made, problems = build(ChannelSpec.model_validate({**CHARGES, **changes}), tables)
    assert made is not None, problems
    return made


def answering(acknowledge: str, **more: Any) -> dict[str, Any]:
    source = {**CHARGES["source"]["mllp"], "acknowledge": acknowledge, **more}
    return {"source": {"mllp": source}}


def message(*charges: tuple[str, str], number: int = 1, head: str = HEAD) -> StoredMessage:
    body = "".join(CHARGE.format(n=n, code=code, quantity=much) for n, (code, much) in enumerate(charges, 1))
    return StoredMessage(number, "charges", (head + body).encode(), 1.0)


class Tokens:
    """A vault that counts how often it is asked, and random bytes that repeat from run to run."""

    def __init__(self) -> None:
        self.known: dict[bytes, str] = {}
        self.asked = 0
        self.random = random.Random(1).randbytes
        self.vault = Vault(tenant="test", index_keys={"k1": b"i" * 32})

    def lookup(self, indexes: Sequence[bytes]) -> dict[bytes, str]:
        self.asked += 1
        return {index: self.known[index] for index in indexes if index in self.known}

    def book(self) -> TokenBook:
        return TokenBook(self.vault, self.lookup, self.random)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def run(tokens: Tokens) -> Callable[..., Routing]:
    def one(stored: StoredMessage, **changes: Any) -> Routing:
        (routing,) = route([stored], program(**changes), tokens.book())
        return routing

    return one


Run = Callable[..., Routing]


def dead(routing: Routing) -> tuple[str, str, str]:
    assert isinstance(routing.result, Dead)
    reason = routing.result.reason
    return reason.code, reason.place, reason.owner


# what becomes of a message


def test_each_charge_becomes_an_effect(run: Run) -> None:
    routing = run(message(("G1", "2"), ("G2", "1.5")))
    assert isinstance(routing.result, Routed)
    effects = routing.result.effects
    assert [(type(one), one.item.code, one.item.quantity) for one in effects if isinstance(one, Charge)] == [
        (Charge, "GLV-M", Decimal(2)),
        (Charge, "GWN-L", Decimal("1.5")),
    ]
    assert len({one.key for one in effects}) == 2
    assert all(one.key.startswith("charges/t1x_") for one in effects)
    assert routing.result.sequence_key.startswith("t1v_")
    assert routing.destinations == ("odoo:hospital", "ledger:out.ndjson")
    assert routing.lane is Lane.NORMAL


def test_a_message_of_too_many_deliveries_is_a_dead_letter(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store would take nothing of the batch, and be given it again for ever."""
    monkeypatch.setattr(mapping, "MOST_DELIVERIES", 4)
    assert isinstance(run(message(("G1", "2"), ("G2", "1"))).result, Routed)  # to two destinations each
    assert dead(run(message(("G1", "2"), ("G2", "1"), ("G1", "1"))))[0] == ReasonCode.OVERSIZE


def test_keys_lie_in_the_key_space(run: Run) -> None:
    result = run(message(("G1", "2")), key_space="money").result
    assert isinstance(result, Routed)
    assert result.effects[0].key.startswith("money/")


@pytest.mark.parametrize("bad", range(3))
@pytest.mark.parametrize(
    ("charge", "expected"),
    [
        (("NOPE", "1"), (ReasonCode.UNMAPPED_CODE, "FT1[{}]-7.1", Owner.BUSINESS)),
        (("G1", "0"), (ReasonCode.QUANTITY, "FT1[{}]-10", Owner.BUSINESS)),
        (("G1", "-1"), (ReasonCode.QUANTITY, "FT1[{}]-10", Owner.BUSINESS)),
        (("G1", "9999999"), (ReasonCode.QUANTITY, "FT1[{}]-10", Owner.BUSINESS)),
        (("G1", "1,5"), (ReasonCode.BAD_VALUE, "FT1[{}]-10", Owner.TECHNICAL)),
        (("G1", ""), (ReasonCode.MISSING_FIELD, "FT1[{}]-10", Owner.TECHNICAL)),
        (("", "1"), (ReasonCode.MISSING_FIELD, "FT1[{}]-7.1", Owner.TECHNICAL)),
    ],
)
def test_one_bad_charge_makes_the_whole_message_a_dead_letter(
    tokens: Tokens, bad: int, charge: tuple[str, str], expected: tuple[str, str, str]
) -> None:
    charges = [("G1", "1")] * 3
    charges[bad] = charge
    book = tokens.book()
    (routing,) = route([message(*charges)], program(), book)
    assert dead(routing) == (expected[0], expected[1].format(bad + 1), expected[2])
    assert book.minted() == []


def test_the_reason_never_holds_the_value(run: Run) -> None:
    for charge, lacks in (
        (("SECRET-CODE", "1"), ("items", "SECRET-CODE")),
        (("G1", "SECRET-1"), None),
    ):
        routing = run(message(charge))
        assert isinstance(routing.result, Dead)
        assert b"SECRET" not in msgspec.json.encode(routing.result.reason)
        assert "SECRET" not in repr(routing)
        assert routing.result.lacks == lacks  # for the worklist alone, where the guard lets it


def test_two_effects_with_one_key_are_refused(run: Run) -> None:
    twice = HEAD + (CHARGE.format(n=1, code="G1", quantity=1)) * 2
    assert dead(run(message(head=twice))) == (ReasonCode.BAD_VALUE, "FT1[2]", Owner.TECHNICAL)


def test_a_required_field_is_missing(run: Run) -> None:
    stored = message(("G1", "1"), head=HEAD.replace("77^^^HOSP^MR", ""))
    assert dead(run(stored)) == (ReasonCode.MISSING_FIELD, "PID-3", Owner.TECHNICAL)


def test_without_its_sequence_field_a_message_is_a_dead_letter(run: Run) -> None:
    stored = message(("G1", "1"))
    assert dead(run(stored, sequence_by="PID-18")) == (ReasonCode.MISSING_FIELD, "PID-18", Owner.TECHNICAL)


def test_a_filter_names_its_step(run: Run) -> None:
    stored = message(head=HEAD + "FT1|1|T1||20261121||PY|G1|||1\r")
    assert run(stored).result == Filtered("payments")


def test_a_message_that_no_rule_is_about(run: Run) -> None:
    assert run(message()).result == Filtered("no-effect-rule")
    assert dead(run(message(), no_effect="dead")) == (ReasonCode.BAD_VALUE, "", Owner.TECHNICAL)


@pytest.mark.parametrize("raw", [b"", b"MSH", b"MSH|^~\\&|", b"\x00\xff" * 50, b"PID|1\r"])
def test_what_is_no_message_is_a_dead_letter(run: Run, raw: bytes) -> None:
    assert isinstance(run(StoredMessage(1, "charges", raw, 1.0)).result, Dead)


def test_a_bug_is_a_dead_letter_that_names_the_exception_only(tokens: Tokens) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("JANE DOE")

    broken_program = msgspec.structs.replace(program(), sequence=broken)
    (routing,) = route([message(("G1", "1"))], broken_program, tokens.book())
    assert dead(routing) == (ReasonCode.INTERNAL, "", Owner.TECHNICAL)
    assert b"RuntimeError" in msgspec.json.encode(routing)
    assert b"JANE" not in msgspec.json.encode(routing)


# answers


@pytest.mark.parametrize(
    ("acknowledge", "good", "bad", "filtered"),
    [
        ("storage", "accepted", "error", "rejected"),
        ("transform", "accepted", "error", "rejected"),
        ("delivery", "", "error", "rejected"),
    ],
)
def test_what_the_sender_is_told(run: Run, acknowledge: str, good: str, bad: str, filtered: str) -> None:
    changes = answering(acknowledge, filtered="reject")
    assert run(message(("G1", "1")), **changes).answered == good
    assert run(message(("NOPE", "1")), **changes).answered == bad
    assert run(message(), **changes).answered == filtered


def test_a_filtered_message_is_accepted_unless_the_channel_says_otherwise(run: Run) -> None:
    assert run(message(), **answering("transform")).answered == "accepted"


# tokens


def test_the_same_message_with_the_same_tokens_gives_the_same_effects(tokens: Tokens) -> None:
    stored = message(("G1", "2"), ("G2", "1"))
    book = tokens.book()
    first = route([stored], program(), book)
    book.committed()
    assert route([stored], program(), book) == first


def test_a_message_whose_tokens_exist_already_is_mapped_again(tokens: Tokens) -> None:
    stored = [message(("G1", "1"), number=1), message(("G2", "1"), number=2, head=HEAD.replace("V1", "V2"))]
    earlier = tokens.book()
    before = route(stored, program(), earlier)
    tokens.known = {row.lookups[0].lookup: row.token for row in earlier.minted()}
    book = tokens.book()
    assert route(stored, program(), book) == before
    assert book.minted() == []


def test_a_dead_letter_leaves_no_token_of_its_own(tokens: Tokens) -> None:
    book = tokens.book()
    other = HEAD.replace("77^^^HOSP", "88^^^HOSP").replace("V1", "V2")
    route([message(("G1", "1")), message(("NOPE", "1"), number=2, head=other)], program(), book)
    assert len(book.minted()) == 3  # person, visit and transaction of the first


def test_the_vault_is_asked_once_for_a_batch(tokens: Tokens) -> None:
    route([message(("G1", "1"), number=n) for n in range(1, 20)], program(), tokens.book())
    assert tokens.asked == 1


def test_when_the_vault_is_away_nothing_is_routed(tokens: Tokens) -> None:
    def away(indexes: Sequence[bytes]) -> dict[bytes, str]:
        raise Unavailable("the store is away")

    with pytest.raises(Unavailable):
        route([message(("G1", "1"))], program(), TokenBook(tokens.vault, away, tokens.random))


# merges and groups

MERGE = {
    "sequence_by": "PID-3",
    "effects": [{"for_each": "MRG", "merge": {"kind": "person", "gone": "MRG-1", "into": "PID-3"}}],
}
A40 = "MSH|^~\\&|ADT|HOSP|||20261121||ADT^A40|C1|P|2.5\r"


def merging(*pairs: tuple[str, str], number: int = 1) -> StoredMessage:
    body = "".join(f"PID|1||{into}^^^HOSP^MR\rMRG|{gone}^^^HOSP^MR\r" for gone, into in pairs)
    return StoredMessage(number, "charges", (A40 + body).encode(), 1.0)


def test_a_merge_makes_an_effect_and_redirects_the_token(tokens: Tokens) -> None:
    book = tokens.book()
    batch = [merging(("1", "2")), merging(("1", "3"), number=2), merging(("1", "2"), number=3)]
    merge, later, again = route(batch, program(**MERGE), book)
    assert isinstance(merge.result, Routed)
    (effect,) = merge.result.effects
    assert isinstance(effect, Merge)
    assert effect.key == f"merge/{effect.gone}/{effect.into}"
    assert merge.result.merges == (TokenMerge(effect.gone, effect.into),)
    assert merge.result.sequence_key == effect.into
    assert isinstance(later.result, Routed)  # 1 is 2 by now, so it is 2 that becomes 3
    assert later.result.merges[0].gone == effect.into
    assert again.result == Filtered("nothing-to-do")


def test_persons_of_one_message_do_not_mix(tokens: Tokens) -> None:
    (routing,) = route([merging(("1", "2"), ("3", "4"))], program(**MERGE), tokens.book())
    assert isinstance(routing.result, Routed)
    assert len({token for one in routing.result.merges for token in (one.gone, one.into)}) == 4


def test_the_same_merge_twice_in_a_message_is_one(run: Run) -> None:
    result = run(merging(("1", "2"), ("1", "2")), **MERGE).result
    assert isinstance(result, Routed)
    assert len(result.effects) == 1


def test_nothing_to_merge(run: Run) -> None:
    assert run(merging(("1", "1")), **MERGE).result == Filtered("nothing-to-do")


def test_reservations_release_and_encounters(run: Run) -> None:
    siu = (
        "MSH|^~\\&|OR|HOSP|||20261121||SIU^S12|C1|P|2.5\rSCH|B1\rPID|1||77^^^HOSP^MR\rPV1|1|I|ICU||||||||||||||||V1\r"
        "RGS|1\rAIS|1||K1|202611220800\rAIS|2||K2|202611220900\rAIL|1||OR1\r"
    )
    one = {"item": "AIS-3.1", "quantity": "literal(1)", "unit": "literal(pair)"}
    effects = [
        {
            "for_each": "AIS",
            "reserve": {
                "key": "{SCH-1}/{AIS-1}",
                "destination": "AIL-3.1",
                "needed_at": "AIS-4",
                "priority": "stat",
                **one,
            },
        },
        {"release": {"key": "{SCH-1}/*", "when_unknown": "ignore"}},
        {"encounter": {"key": "{PV1-19}", "subject": "PID-3", "kind": "PV1-2 | map(I: inpatient)"}},
    ]
    result = run(StoredMessage(1, "charges", siu.encode(), 1.0), sequence_by="SCH-1", effects=effects).result
    assert isinstance(result, Routed), result
    first, second, release, encounter = result.effects
    assert isinstance(first, Reserve)
    assert isinstance(second, Reserve)
    assert (first.destination, second.destination) == ("OR1", "OR1")  # beside the procedures, for both
    assert (first.items[0].code, second.items[0].code) == ("K1", "K2")
    assert first.key == release.key.removesuffix("*") + "1"
    assert isinstance(release, Release)
    assert release.when_unknown == "ignore"
    assert isinstance(encounter, Encounter)
    assert (encounter.key[:4], encounter.state, encounter.kind) == ("t1v_", "", "inpatient")


# single groups, oddities

PAYMENTS = [{"name": "payment", "for_each": "FT1", "when": {"FT1-6.1": ["PY", "CO"]}}]
ODD = [{"name": "amount-differs", "for_each": "FT1", "when": {"FT1-11 | product_of(FT1-10, FT1-12)": "no"}}]


def paid(*types: str) -> StoredMessage:
    """Charges of these types."""
    stored = message(*[("G1", str(n)) for n, _ in enumerate(types, 1)])
    parts = stored.raw.split(b"|CG|")
    raw = parts[0] + b"".join(
        b"|" + t.encode() + b"|" + part for t, part in zip(types, parts[1:], strict=True)
    )
    return msgspec.structs.replace(stored, raw=raw)


def test_a_filter_of_groups_ends_those_alone(run: Run) -> None:
    result = run(paid("CG", "PY", "CG"), filters=PAYMENTS).result
    assert isinstance(result, Routed)
    assert [effect.item.quantity for effect in result.effects if isinstance(effect, Charge)] == [1, 3]


def test_a_message_of_nothing_else_is_filtered_by_the_name_of_the_step(run: Run) -> None:
    assert run(paid("PY", "CO"), filters=PAYMENTS).result == Filtered("payment")
    assert run(paid("PY", "XX"), filters=PAYMENTS).result == Filtered("payment")
    assert run(paid("XX"), filters=PAYMENTS).result == Filtered("no-effect-rule")
    assert run(paid("PY"), filters=PAYMENTS, no_effect="dead").result == Filtered("payment")


def odd(*amounts: str) -> StoredMessage:
    return message(*[("G1", f"2|{amount}|12.50") for amount in amounts])


def test_what_is_odd_is_named_with_its_place_and_goes_on(run: Run) -> None:
    routing = run(odd("25", "26.00", "27"), warnings=ODD)
    assert isinstance(routing.result, Routed)
    assert [(one.code, one.text, one.place, one.owner) for one in routing.warnings] == [
        (ReasonCode.BAD_VALUE, "amount-differs", place, Owner.BUSINESS)
        for place in ("FT1[2]-11", "FT1[3]-11")
    ]


def test_what_cannot_be_compared_is_odd_too(run: Run) -> None:
    (warning,) = run(odd("much"), warnings=ODD).warnings
    assert (warning.text, warning.place) == ("amount-differs: not a number", "FT1[1]-11")


def test_a_message_that_stops_has_its_reason_and_no_warnings(run: Run) -> None:
    assert run(odd("26.00", "25", "1"), warnings=ODD, required=["PID-18"]).warnings == ()


def test_what_was_odd_goes_with_what_became_of_a_message(run: Run) -> None:
    routing = run(message(("G1", "2"), head=f"\n{HEAD}wrapped DOE\r"))
    assert isinstance(routing.result, Routed)
    assert [(one.code.value, one.place, one.text) for one in routing.warnings] == [
        ("structure", "MSH", "blanks or line ends stand before the message"),
        ("structure", "", "a line that is no segment was passed over"),
    ]
    assert run(message(("G1", "2"))).warnings == ()


def test_what_was_odd_is_said_of_a_dead_letter_too(run: Run) -> None:
    routing = run(message(("NO", "2"), head=f"\n{HEAD}"))
    assert dead(routing)[0] == "unmapped-code"
    assert len(routing.warnings) == 1


# refusals by the channel


def test_a_rule_may_refuse_and_names_the_place(run: Run) -> None:
    refusing = {"name": "no such thing", "for_each": "FT1", "when": {"FT1-6.1": "AJ"}, "refuse": "FT1-6"}
    result = run(paid("CG", "AJ"), filters=[], effects=[CHARGES["effects"][0], refusing]).result
    assert isinstance(result, Dead)
    reason = result.reason
    assert (reason.code, reason.place, reason.text) == (ReasonCode.BAD_VALUE, "FT1[2]-6", "no such thing")


# the place of each effect in the order


def test_effects_take_the_place_of_their_own_group_where_the_order_is_by_one(run: Run) -> None:
    result = run(message(("G1", "1"), ("G2", "2")), sequence_by="FT1-2").result
    assert isinstance(result, Routed)
    keys = tuple(effect.key.removeprefix("charges/") for effect in result.effects)
    assert (result.sequence_key, result.sequence_keys) == (keys[0], keys)
    alone = run(message(("G1", "1")), sequence_by="FT1-2").result
    assert isinstance(alone, Routed)
    assert alone.sequence_keys == ()


def test_effects_of_one_visit_have_one_place(run: Run) -> None:
    result = run(message(("G1", "1"), ("G2", "2"))).result
    assert isinstance(result, Routed)
    assert result.sequence_keys == ()
