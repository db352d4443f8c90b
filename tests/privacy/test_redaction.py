"""Messages that are passed on: what the allow-list lets pass, tokens for identifiers, nothing else."""

from __future__ import annotations

import hashlib
import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.cases.aliases import AliasBook
from engine.errors import Unacceptable
from engine.hl7.document import Document
from engine.privacy.book import TokenBook
from engine.privacy.policy import Change, Policy
from engine.privacy.readers import Readers
from engine.privacy.redaction import Redacted, Redaction, Sender
from engine.privacy.tokens import parse
from engine.privacy.vault import Vault
from engine.proof.canaries import Canaries
from engine.proof.hl7_messages import EVERYTHING, FIELDS, Writer
from engine.proof.search import Search

HEADER = r"MSH|^~\&|EHR^1.2.3^ISO|HOSP|ENG|STORE|20261121120000+0100||ADT^A01^ADT_A01|C1|P|2.5"


def redacted(*segments: str, passing: str = "EVN PID PV1 FT1 OBX NTE ZXX", **options: object) -> Redacted:
    raw = "\r".join([HEADER, *segments]).encode()
    redaction = Redaction(Readers(Policy()), passing.split(), **options)  # type: ignore[arg-type]
    return redaction.message(Document.parse(raw), AliasBook())


def segment(made: Redacted, name: str) -> list[str]:
    return next(line for line in made.message.split("\r") if line.startswith(name)).split("|")


def test_an_identifier_becomes_its_token_and_names_stay_behind() -> None:
    made = redacted("PID|1||77^^^HOSP^MR||DOE^JANE||19700102|F")
    fields = segment(made, "PID")
    token, *rest = fields[3].split("^")
    found = parse(token)
    assert found is not None
    assert (found.domain, rest) == ("p", ["", "", "HOSP", "MR"])
    assert fields[4:] == []


def test_a_repetition_whose_number_never_becomes_a_token_is_left_out_whole() -> None:
    made = redacted("PID|1||123456789^^^SSA^SS~77^^^HOSP^MR~888^^^STATE^DL")
    assert segment(made, "PID")[3].count("~") == 0
    assert "SSA" not in made.message
    assert "STATE" not in made.message


def test_what_is_no_word_of_the_standard_does_not_leave_with_the_type() -> None:
    raw = (HEADER.replace("ADT^A01^ADT_A01", "ADT^DOE JANE^DOE JANE") + "\rPV1|1|I\r").encode()
    made = Redaction(Readers(Policy()), ["PV1"]).message(Document.parse(raw), AliasBook())
    assert segment(made, "MSH")[8] == made.type == "ADT"
    assert "JANE" not in made.message


def test_the_header_says_who_sends_and_what_but_not_when_to_the_second() -> None:
    made = redacted("PV1|1|I")
    assert segment(made, "MSH")[:10] == [
        "MSH", r"^~\&", "EHR^1.2.3^ISO", "HOSP", "ENG", "STORE", "20261121", "", "ADT^A01^ADT_A01",
        made.control_id,
    ]  # fmt: skip
    assert len(made.control_id) == 20
    assert made.type == "ADT^A01"


def test_names_of_sender_and_receiver_may_be_others() -> None:
    made = redacted("PV1|1|I", sender=Sender("WARDLINE", "EDGE", "REGISTRY", "STATE"))
    assert segment(made, "MSH")[2:6] == ["WARDLINE", "EDGE", "REGISTRY", "STATE"]


@pytest.mark.parametrize(("dates", "day"), [("day", "20261121"), ("drop", "")])
def test_operational_dates_pass_as_a_day_or_not_at_all(dates: str, day: str) -> None:
    made = redacted("FT1|1|T1||20261121101500||CG|G100^Glove^L|||2", dates=dates)
    assert segment(made, "FT1")[4] == day
    assert segment(made, "MSH")[6] == day
    assert segment(made, "FT1")[7:11] == ["G100^^L", "", "", "2"]


def test_free_text_and_local_segments_stay_behind() -> None:
    made = redacted("NTE|1||she said so", "ZXX|1|local", "OBX|1|TX|1^Text^L||secret words||||||F")
    assert "said" not in made.message
    assert "ZXX" not in made.message
    assert "secret" not in made.message


def test_only_the_segments_that_are_asked_for_go_along() -> None:
    made = redacted("PID|1||77^^^HOSP^MR", "PV1|1|I", passing="PV1")
    assert [line[:3] for line in made.message.split("\r")] == ["MSH", "PV1", ""]


def test_a_channels_widening_and_narrowing_hold() -> None:
    policy = Policy(
        [Change("PID-8", "keep-code", "stock of the wards differs", "officer"), Change("PV1-2", "drop")]
    )
    raw = "\r".join([HEADER, "PID|1|||||||F", "PV1|1|I"]).encode()
    made = Redaction(Readers(policy), ["PID", "PV1"]).message(Document.parse(raw), AliasBook())
    assert segment(made, "PID")[8] == "F"
    assert segment(made, "PV1") == ["PV1", "1"]


def test_escapes_other_delimiters_and_character_sets_come_out_as_the_usual_ones() -> None:
    raw = (
        "MSH$%~\\&$EHR$KLINIK M\xfcNCHEN$$$2026$$DFT%P03$C1$P$2.5$$$$$$8859/1\r"
        "FT1$1$$$$$CG$A\\S\\B\xc4%text%L&X\r"
    ).encode("latin-1")
    made = Redaction(Readers(Policy()), ["FT1"]).message(Document.parse(raw), AliasBook())
    again = Document.parse(made.message.encode())
    assert segment(made, "MSH")[3] == "KLINIK M\xfcNCHEN"
    assert segment(made, "MSH")[17] == "UNICODE UTF-8"
    assert again.all("FT1")[0][7].split("^")[0] == "A%B\xc4"


def test_the_same_message_is_the_same_again_and_another_has_another_control_id() -> None:
    book = AliasBook()
    redaction = Redaction(Readers(Policy()), ["PID"])
    document = Document.parse((HEADER + "\rPID|1||77^^^HOSP^MR").encode())
    other = Document.parse((HEADER.replace("|C1|", "|C2|") + "\rPID|1||77^^^HOSP^MR").encode())
    first = redaction.message(document, book)
    assert redaction.message(document, book) == first
    assert redaction.message(other, book).control_id != first.control_id


def test_without_a_control_id_the_content_makes_one() -> None:
    book, redaction = AliasBook(), Redaction(Readers(Policy()), ["PID"])
    texts = [(HEADER.replace("|C1|", "||") + f"\rPID|1||{number}^^^HOSP^MR").encode() for number in (77, 78)]
    first, second = (redaction.message(Document.parse(text), book).control_id for text in texts)
    assert "" != first != second


def test_a_message_says_nothing_in_its_repr() -> None:
    from engine.effects import Forward

    assert "PV1" not in repr(Forward(key="a/b", message="MSH|PV1", control_id="x"))


@pytest.mark.parametrize(
    "kind", ["ADT^A01^ADT_A01", "DFT^P03^DFT_P03", "SIU^S12^SIU_S12", "ORU^R01", "MFN^M15"]
)
def test_no_canary_of_any_place_of_any_segment_passes(kind: str) -> None:
    """P01 to P03: three repetitions, every component, sub-components, Z segments, beyond the table."""
    canaries = Canaries()
    identifiers = {"PID-3": "@^^^HOSP^SS~@^@^M10^HOSP^MR~@^^^@^NI"}  # the check digit's scheme passes
    raw = Writer(canaries).message("forward", kind, identifiers, segments=EVERYTHING)
    segments = [*EVERYTHING, "SFT", "ZPI", "ZZZ", "XYZ"]
    made = Redaction(Readers(Policy()), segments).message(Document.parse(raw), AliasBook())
    found = Search(canaries).places_in(made.message.encode())
    found -= {f"forward: MSH-{field}" for field in range(3, 7)}  # who sends and receives, as it came
    assert {place for place in found if not _is_authority(place)} == set()
    assert len(canaries) > 5_000


def _is_authority(place: str) -> bool:
    """Whose number it is, in EIP.1.2: an authority passes (the table's row for EI.2)."""
    segment, _, rest = place.removeprefix("forward: ").partition("-")
    number, _, part = rest.partition("[")
    return part.endswith("].1.2") and "EIP" in FIELDS[segment][int(number)].datatypes


@given(st.text(st.sampled_from('PIDFT1|^~\\&" \rab7'), max_size=120))
def test_whatever_comes_what_goes_out_can_be_read(text: str) -> None:
    raw = (HEADER + "\rPID|1|" + text).encode()
    try:
        made = Redaction(Readers(Policy()), ["PID", "FT1"]).message(Document.parse(raw), AliasBook())
    except Unacceptable:
        return
    assert Document.parse(made.message.encode()).header.control_id == made.control_id.encode()


# shifted dates

STAY = (
    "MSH|^~\\&|EHR|HOSP|||20261121120000||ADT^A01|C1|P|2.5.1\rEVN|A01||20261124\r"
    f"PID|1||{{person}}^^^HOSP^MR{'|' * 26}20261130\r"
    f"PV1|1|I|ICU{'|' * 41}20261120101500|20261127\r"
)


def shifting(person: str, *, widened: bool = False, **more: str) -> str:
    policy = Policy([Change("PID-29", "year", "needed here", "Officer")] if widened else [])
    redaction = Redaction(Readers(policy), ["EVN", "PID", "PV1"], dates="shift")
    vault = Vault(tenant=more.get("tenant", ""), index_keys={"k": bytes(32)}, shift_key=b"s" * 32)
    book = TokenBook(vault, lambda _: {}, lambda size: hashlib.shake_256(person.encode()).digest(size))
    raw = more.get("raw", STAY).format(person=person)
    return redaction.message(Document.parse(raw.encode()), book).message


def days_of(message: str) -> list[date]:
    return [date.fromisoformat(one) for one in re.findall(r"\|(\d{8})(?=[|\r])", message)]


def test_dates_of_a_person_are_shifted_all_by_the_same_days() -> None:
    shifts = set()
    for number in range(60):
        event, admitted, discharged = days_of(shifting(f"{number}"))
        assert discharged - admitted == timedelta(days=7)
        assert event - admitted == timedelta(days=4)
        shift = (admitted - date(2026, 11, 20)).days
        assert 1 <= abs(shift) <= 364
        assert days_of(shifting(f"{number}")) == [event, admitted, discharged]
        shifts.add(shift)
    assert len(shifts) > 40
    assert min(shifts) < 0 < max(shifts)


def test_nothing_beside_tells_the_shift() -> None:
    """No day of the message, no year of a death, and of another tenant another shift."""
    assert shifting("7").split("|")[6] == ""
    assert "|2026\r" not in shifting("7", widened=True)
    assert shifting("7") != shifting("7", tenant="other")


def test_dates_of_several_people_or_of_nobody_stay_behind() -> None:
    both = STAY + "PID|2||8^^^HOSP^MR\r"
    nobody = STAY.replace("{person}^^^HOSP^MR", "")
    assert days_of(shifting("7", raw=both)) == days_of(shifting("7", raw=nobody)) == []


def test_a_vault_without_a_key_shifts_nothing() -> None:
    with pytest.raises(ValueError, match="without a key"):
        Vault(tenant="", index_keys={"k": bytes(32)}).shift("t1p_x")
