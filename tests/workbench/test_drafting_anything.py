"""Whatever a sample lacks or holds, what is drafted of it holds together, or there is a reason."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Misconfigured
from engine.hl7.document import Document
from engine.workbench.drafting.draft import draft
from engine.workbench.drafting.questions import Answers
from engine.workbench.drafting.samples import Sample
from engine.workbench.drafting.sender import V2Sender, Wanted

WANTED = Wanted("first", "business@hospital.example", "technical@hospital.example", 2599, "hospital-odoo")
PERSON = "PID|1||77001^^^GENERAL^MR||Quillfeather^Oda||19610217|F||||||||||A-1"
VISIT = "PV1|1|I|ICU^12^1^GENERAL||||||||||||||||V-1|||||||||||||||||||||||||20261101"
MESSAGES = {
    "DFT^P03": (PERSON, VISIT, "FT1|1|T-1||20261101|20261101|CG|X1^THING^CDM|||2|BX|3.50&EUR||||ICU"),
    "SIU^S12": (
        "SCH|P-1|C-1|||||||90|min|^^90^20261124093000|||||77^DOC||||||||||BOOKED",
        PERSON, VISIT, "RGS|1|A", "AIS|1|A|47562|20261124093000", "AIG|1|A|TRC-12|||2|EA", "AIL|1|A|OR1",
    ),
    "OMS^O05": (PERSON, VISIT, "ORC|NW|O-1|F-1", "RQD|1|SUP-1|||10|BX||||20261110"),
    "OMP^O09": (PERSON, VISIT, "ORC|NW|O-2", "RXO|D-1|||MG||||ICU||D-1|5|TAB"),
    "RDS^O13": (PERSON, VISIT, "ORC|RE|O-3|F-3", "RXD|1|D-1^DRUG|20261101|30|TAB||RX-1|||||||||||LOT1"),
    "RAS^O17": (PERSON, VISIT, "ORC|RE|O-4", "RXA|0|1|20261101||D-1^DRUG|1|TAB||||ICU||||LOT1||||||CP|A"),
    "ORU^R01": (PERSON, VISIT, "OBR|1|O-5|F-5|850001^CBC^L|||20261101|||||||||||||||20261101||HM|F"),
    "ADT^A01": ("EVN|A01|20261101", PERSON, VISIT),
    "ADT^A40": ("EVN|A40|20261101", PERSON, "MRG|77002^^^GENERAL^MR||A-2"),
    "MFN^M16": (
        "MFI|INV||UPD|20261101||NE", "MFE|MAD|1|20261101|I-1", "ITM|I-1|Item one|A|||Y||||||Y|C-1|3.50&EUR|Y",
        "STZ|", "VND|1|MEDSUP||V-77|Y", "PKG|1|BX||100|12.00&EUR|||4012345", "IVT|1|STORE||||A|||EA",
    ),
    "MFN^M04": (
        "MFI|CDM||UPD|20261101||NE", "MFE|MAD|1|20261101|C-1", "CDM|C-1|X|Short|Long||||A",
        "PRC|C-1||ALL||9.00&EUR",
    ),
}  # fmt: skip
ODD = ("", '""', "X^Y&Z~W", "-3", "a,b", "it's: #x", "{c}", 'say "no"', "yes", "1 2 3", r"\E\x", "ü")


@pytest.mark.parametrize("kind", MESSAGES)
@settings(max_examples=12)
@given(data=st.data())
def test_whatever_a_sample_lacks_or_holds(kind: str, data: st.DataObject) -> None:
    lines = [segment.split("|") for segment in MESSAGES[kind]]
    for _ in range(data.draw(st.integers(0, 6))):
        line = data.draw(st.sampled_from(lines))
        if len(line) > 1:
            line[data.draw(st.integers(1, len(line) - 1))] = data.draw(st.sampled_from(ODD))
    if data.draw(st.booleans()):
        lines.insert(data.draw(st.integers(0, len(lines))), list(data.draw(st.sampled_from(lines))))
    head = rf"MSH|^~\&|SND|GENERAL|RCV|GENERAL|20261101120000||{kind}|M-1|P|2.5.1"
    raw = "\r".join([head, *("|".join(line) for line in lines), ""]).encode()
    try:
        made = draft(
            V2Sender([Sample("sample", raw, Document.parse(raw))]),
            WANTED,
            Answers({}, lambda question: question.suggestion),
        )
    except Misconfigured as why:
        reason = why.text
    else:
        reason = ""
        assert made.failed == []
        assert [one for one in made.findings if one.severity == "error"] == []
        assert not any("Quillfeather" in text for text in made.files.values())
    assert "wardline-new" not in reason  # its own file, not the sample
