"""One charge in every version of the standard, as a sender of that version writes it, is the same charge; and
what a site may change in the channel, changed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.config.cases.rehearsal import trial_of
from engine.config.loading import LoadedChannel, lint_files, load_channel

CHANNELS = Path(__file__).parents[2] / "channels"
CHARGES = load_channel(CHANNELS / "dft-charges.yaml")
HEAD = (
    "MSH|^~\\&|HIS|GENERAL|WARDLINE|GENERAL|20261121101500||{kind}|M1|P|{version}\rEVN|P03|20261121101500\r"
    "PID|1||50001^^^GENERAL^MR||TESTMANN^TESSA\rPV1|1|I|ICU^12^1^GENERAL||||||||||||||||V-7001\r"
)
NEWEST = "FT1|1|T-1||20261121^20261122|20261122|CG|270001^Gloves^CDM|||2|7.00&EUR|3.50&EUR|ICU|||ICU^1\r"
WRITTEN = {
    "2.1": "FT1|1|T-1||20261121|20261122|CG|270001|||7.00|2|3.50|ICU|||ICU^1\r",
    "2.2": "FT1|1|T-1||20261121|20261122|CG|270001^Gloves^CDM|||2|7.00|3.50|ICU|||ICU^1\r",
    **dict.fromkeys(
        ("2.3", "2.3.1", "2.4"),
        "FT1|1|T-1||20261121101500|20261122|CG|270001^Gloves^CDM|||2|7.00&EUR|3.50&EUR|ICU|||ICU^1\r",
    ),
    **dict.fromkeys(("2.5", "2.5.1", "2.6"), NEWEST),
    **dict.fromkeys(("2.7", "2.7.1", "2.8", "2.8.1", "2.8.2"), NEWEST.replace("|CG|", "|CG^Charge^HL70017|")),
}


def effects(channel: LoadedChannel, *lines: str, kind: str = "DFT^P03", version: str = "2.5.1") -> Any:
    tried = trial_of(channel).say((HEAD.format(kind=kind, version=version) + "".join(lines)).encode())
    assert tried.warnings == ()
    return tried.reason or tried.effects


@pytest.mark.parametrize("kind", ["DFT^P03", "DFT^P11"])
@pytest.mark.parametrize("version", WRITTEN)
def test_the_same_charge_in_every_version(version: str, kind: str) -> None:
    charge, consume = effects(CHARGES, WRITTEN[version], kind=kind, version=version)
    assert charge["charge"]["item"] == {"code": "CHG-GLV-M", "quantity": "2"}
    assert charge["charge"]["price"] == {"amount": "3.50", **({} if version < "2.3" else {"currency": "EUR"})}
    assert charge["charge"]["date"] == consume["consume"]["used_on"] == "2026-11-21"
    assert consume["consume"]["items"] == [{"code": "GLV-M", "quantity": "2"}]


def changed(folder: Path, exchanged: dict[str, str]) -> LoadedChannel:
    """The shipped channel as a site changes it; lint has nothing to say."""
    shutil.copytree(CHANNELS, folder / "channels")
    path = folder / "channels/dft-charges.yaml"
    text = path.read_text()
    for old, new in exchanged.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    assert lint_files([path]) == []
    return load_channel(path)


def test_a_missing_quantity_means_one_where_the_channel_says_so(tmp_path: Path) -> None:
    channel = changed(tmp_path, {"FT1-10 | number": "FT1-10 | default(1) | number"})
    charge, consume = effects(channel, NEWEST.replace("|2|7.00&EUR|", "|||"))
    assert charge["charge"]["item"]["quantity"] == consume["consume"]["items"][0]["quantity"] == "1"
    refused = effects(CHARGES, NEWEST.replace("|2|7.00&EUR|", "|||"))
    assert (refused.code, refused.place) == ("missing-field", "FT1[1]-10")


def test_an_adjustment_is_a_credit_where_the_channel_says_so(tmp_path: Path) -> None:
    channel = changed(
        tmp_path,
        {
            "[PY, AJ, CO]": "[PY, CO]",
            "map(CG: charge, CD: credit)": "map(CG: charge, CD: credit, AJ: credit)",
            "FT1-6.1: CD\n    credit:": "FT1-6.1: [CD, AJ]\n    credit:",
        },
    )
    (credit,) = effects(channel, NEWEST.replace("|CG|", "|AJ|"))  # what was used stays used
    assert credit["credit"]["reverses"] == "dft-charges/txn:T-1/270001"


def test_an_item_number_goes_first_where_the_channel_says_so(tmp_path: Path) -> None:
    channel = changed(
        tmp_path,
        {"FT1-7 or FT1-34 or FT1-29 or FT1-25 or PR1-3": "FT1-34 or FT1-7 or FT1-29 or FT1-25 or PR1-3"},
    )
    charge, _ = effects(channel, NEWEST.removesuffix("\r") + "|" * 18 + "GLV-M^Gloves^ITEM\r", version="2.8")
    assert charge["charge"]["key"] == "dft-charges/txn:T-1/GLV-M^ITEM"
