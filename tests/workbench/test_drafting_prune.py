"""Blueprints are pruned to what samples support, and what is left is a channel."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config.spec import ChannelSpec
from engine.config.validation import validate
from engine.hl7.document import Document
from engine.workbench.drafting.facts import Facts
from engine.workbench.drafting.families import FAMILIES
from engine.workbench.drafting.pruning import prune

BLUEPRINT = """\
sequence_by: visit or PID-3               # in order

values:
  visit: PV1-19 or PID-18                 # the visit's number, else the account's
  ward: FT1-16.1 or PV1-3.1
  unit: FT1-11 + FT1-7 or FT1-11 | find(units, unit)
  does: "FT1-6.1 | default(none) | map(CG: charge)"

# Above the steps.
filters:
  - name: payment
    for_each: FT1
    when:
      FT1-6.1: PY
  #? RXA
  - name: no-such-segment
    when:
      MSH-9.2: P03

effects:
  # The charge.
  - name: charge
    for_each: FT1
    when:
      does: charge
      FT1-20 | default(A): [A, U]
      FT1-21: absent
    charge:
      key: "{FT1-2 or FT1-23}/{FT1-7}"
      encounter: visit
      item: FT1-7 | lookup(items, item)
      quantity: FT1-10 | number
      unit: unit
      #? items.ward
      cost_centre: ward | lookup(places, centre)

  # Never.
  - name: gone
    for_each: FT1
    when:
      FT1-22: present
    charge:
      key: "{FT1-2}"
      encounter: visit
      item: FT1-7
      quantity: FT1-10
"""


def _document(*segments: str) -> Document:
    said = (r"MSH|^~\&|A|B|C|D|20261101||DFT^P03|1|P|2.5.1", *segments)
    return Document.parse("".join(f"{one}\r" for one in said).encode())


CHARGE = _document("PID|1||77", "PV1|1|I|ICU", "FT1|1|T1||||CG|X1|||2")


def test_what_no_sample_has_goes_with_its_comments() -> None:
    pruned = prune(BLUEPRINT, Facts([CHARGE], ["DFT^P03"], {"items": [{"code": "X1", "ward": ""}]}))
    assert (
        pruned.text
        == """\
sequence_by: PID-3                        # in order

values:
  visit: PV1-19 or PID-18                 # the visit's number, else the account's
  does: "FT1-6.1 | default(none) | map(CG: charge)"

# Above the steps.
filters:
  - name: payment
    for_each: FT1
    when:
      FT1-6.1: PY

effects:
  # The charge.
  - name: charge
    for_each: FT1
    when:
      does: charge
    charge:
      key: "{FT1-2}/{FT1-7}"
      encounter: visit
      item: FT1-7 | lookup(items, item)
      quantity: FT1-10 | number
"""
    )
    assert pruned.tables == ["items"]


def test_what_an_effect_cannot_do_without_stays_and_is_told() -> None:
    pruned = prune(BLUEPRINT, Facts([CHARGE], ["DFT^P03"]))
    assert [(gap.rule, gap.field, gap.expression) for gap in pruned.gaps] == [
        ("charge", "encounter", "visit")
    ]


def test_of_alternatives_those_stay_that_are_populated() -> None:
    document = _document("PID|1||77|||||||||||||||A9", "FT1|1|||||CG|X1|||2|BX|||||W1")
    pruned = prune(BLUEPRINT, Facts([document], ["DFT^P03"]))
    assert "\nsequence_by: visit or PID-3 " in f"\n{pruned.text}"
    assert "  visit: PID-18\n" in pruned.text  # what the comment says of the rest is gone too
    assert "  ward: FT1-16.1\n" in pruned.text
    assert "  unit: FT1-11 + FT1-7 or FT1-11 | find(units, unit)\n" in pruned.text
    assert 'key: "{FT1-2 or FT1-23}/{FT1-7}"' in pruned.text  # a key needs it: refused until it is there
    assert ("charge", "key", "FT1-2 or FT1-23") in pruned.gaps


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("FT1", True),
        ("RXA", False),
        ("FT1-2", True),
        ("FT1-3", False),
        ("FT1-3|FT1-2", True),
        ("FT1-3&FT1-2", False),
        ("!FT1-3", True),
        ("FT1-6.1=CD,CG", True),
        ("FT1-6.1=CD", False),
        ("MSH-9.2=S12", True),  # what the channel takes, not what the sample is
        ("MSH-9.2=P03", False),
        ("FT1-10<0", True),
        ("FT1-1<0", False),
        ("FT1-1#", True),
        ("FT1-2#", False),
        ("items.unit", False),
        ("items.stocked=yes", True),
        ("items.stocked=no", False),
        ("places.anything", True),  # not asked yet
    ],
)
def test_conditions_of_blueprints(condition: str, holds: bool) -> None:
    document = _document("FT1|1|T1||||CG|X1|||2", "FT1|1|T2||||CG|X1|||-2")
    facts = Facts([document], ["SIU^S12"], {"items": [{"code": "X1", "stocked": "yes", "unit": ""}]})
    assert facts.satisfied(condition) is holds


class _Some(Facts):
    """A sender that populates just these paths."""

    def __init__(self, paths: frozenset[str], types: list[str]) -> None:
        super().__init__([], types)
        segments = {path[:3] for path in paths}
        self.has = lambda text: text in paths or text in segments  # type: ignore[assignment]


_PATH = re.compile(r"\b[A-Z][A-Z0-9]{2}(?:\[\d\])?-\d+(?:\.\d+)?")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@settings(max_examples=25)
@given(data=st.data())
def test_whatever_is_populated_what_is_left_is_a_channel(family: object, data: st.DataObject) -> None:
    known = next(one for one in FAMILIES if one is family)
    paths = sorted(set(_PATH.findall(known.blueprint)))
    populated = frozenset(data.draw(st.sets(st.sampled_from(paths))))
    events = data.draw(st.sets(st.sampled_from(known.lifecycle or ("P03",)), min_size=1))
    pruned = prune(known.blueprint, _Some(populated, [f"{known.types[0]}^{one}" for one in events]))
    body = yaml.load(pruned.text, Loader=yaml.BaseLoader)
    if "effects" not in body:
        return
    spec, problems = validate(
        ChannelSpec,
        {
            "channel": "drafted", "description": "x",
            "owner": {"business": "x@y.example", "technical": "x@y.example"},
            "source": {"mllp": {"listen": "tcp:2575", "message_types": ["ADT"]}},
            "destinations": [{"odoo": {"connection": "odoo"}}],
            "tables": {name: f"{name}.csv" for name in pruned.tables},
            **body,
        },
    )  # fmt: skip
    assert spec is not None, problems
    assert set(pruned.tables) <= set(known.tables)
    assert "#?" not in pruned.text
