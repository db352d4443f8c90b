"""A channel with named values does what the same channel does with all of them written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fhir_channel import CHANNEL, CLIENTS
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config.build import build
from engine.config.loading import examine, load_channel
from engine.config.spec import ChannelSpec
from engine.config.tables import parse_table
from engine.model import Routing, StoredMessage
from engine.pipeline import route
from engine.privacy.book import TokenBook
from engine.privacy.vault import Vault

TABLE = parse_table("code,item,place\nA,GLV,WH/A\nB,,WH/B\nA/B,KIT,\nI,BED,WH/I\n", "items.csv")[0]
PATHS = ("PV1-2", "PV1-3.1", "FT1-7.1", "FT1-16.1", "FT1-18")
VERBS = ("default(B)", "lookup(items, item, '')", "find(items, place)", "map(A: B, else: I)")
MESSAGE = (
    "MSH|^~\\&|A|F|W|H|20261121||DFT^P03|1|P|2.5\rPV1|1|{PV1-2}|{PV1-3.1}||||||||||||||||V1\r"
    "FT1|1|T1||20261121||CG|{FT1-7.1}|||1||||||{FT1-16.1}||{FT1-18}\r"
    "FT1|2|T2||20261121||CG|{FT1-16.1}|||1||||||{FT1-18}||{FT1-7.1}\r"
)
PARTS = st.lists(st.sampled_from(PATHS), min_size=1, max_size=2).map(" + ".join)
PLAIN = st.lists(PARTS, min_size=1, max_size=3).map(" or ".join)
CHANGES = st.lists(st.sampled_from(VERBS), min_size=1, max_size=2).map(" | ".join)


@st.composite
def uses(draw: st.DrawFn, values: dict[str, str]) -> tuple[str, str]:
    """An expression by its names, and with their texts in place of them."""
    verb = draw(st.sampled_from(["", " | default(I)"]))
    if draw(st.booleans()):
        return f"place{verb}", f"{values['place']}{verb}"
    other = draw(PARTS)
    return f"{other} or plain{verb}", f"{other} or {values['plain']}{verb}"


def routed(texts: tuple[str, ...], values: dict[str, str], message: str, book: TokenBook) -> Routing:
    """What becomes of the message, by a channel that has these expressions."""
    item, cost_centre, tested, key, sequence = texts
    charge = {"key": f"{{FT1-2}}/{{{key}}}", "encounter": "PV1-19", "item": item, "quantity": "FT1-10"}
    spec: dict[str, Any] = {
        "channel": "charges", "description": "d", "owner": {"business": "b", "technical": "t"},
        "source": {"mllp": {"listen": "tcp:2575", "message_types": ["DFT^P03"]}},
        "sequence_by": sequence, "tables": {"items": "items.csv"}, "values": values,
        "filters": [{"name": "none", "for_each": "FT1", "when": {tested: "absent"}}],
        "effects": [{"for_each": "FT1", "when": {tested: ["A", "B", "GLV", "WH/A", "I", "WH/B"]},
                     "charge": {**charge, "cost_centre": cost_centre}}],
        "destinations": [{"ledger": {"path": "x"}}],
    }  # fmt: skip
    assert TABLE is not None
    program, found = build(ChannelSpec.model_validate(spec), {"items": TABLE})
    assert program is not None, found
    (routing,) = route([StoredMessage(1, "charges", message.encode(), 0.0)], program, book)
    return routing


@settings(max_examples=150)
@given(st.data(), st.fixed_dictionaries({path: st.sampled_from(["", "A", "B", "X"]) for path in PATHS}))
def test_a_channel_means_the_same_with_its_values_written_out(
    data: st.DataObject, fields: dict[str, str]
) -> None:
    plain = data.draw(PLAIN)
    written = {"plain": plain, "place": f"{plain} | {data.draw(CHANGES)}"}
    texts = [data.draw(uses(written)) for _ in range(5)]
    named = {"plain": plain, "place": written["place"].replace(plain, "plain", 1)}
    message = MESSAGE
    for path, text in fields.items():
        message = message.replace(f"{{{path}}}", text)
    vault = Vault(tenant="", index_keys={"k": bytes(32)})
    book = TokenBook(vault, lambda _: {})
    by_names = routed(tuple(text for text, _ in texts), named, message, book)
    assert by_names == routed(tuple(text for _, text in texts), {}, message, book)


def test_a_channel_that_is_only_warned_of_runs(tmp_path: Path) -> None:
    path = tmp_path / "supply.yaml"
    (tmp_path / "clients.yaml").write_text(CLIENTS)
    path.write_text(CHANNEL.replace("systems: {items: 'urn:i'}", "systems: {items: 'urn:i', gtin: 'urn:g'}"))
    assert [finding.severity for finding in examine(path).findings] == ["warning"]
    assert load_channel(path).program.fhir
