"""What a rehearsal shows: tokens as what they stand for, whatever signs that has."""

from __future__ import annotations

from pathlib import Path

from engine.config.cases.rehearsal import trial_of
from engine.config.loading import load_channel

CHANNEL = Path(__file__).parents[2] / "channels/dft-charges.yaml"
CHARGE = r"""MSH|^~\&|HIS|GENERAL|WARDLINE|GENERAL|20261121101500||DFT^P03^DFT_P03|MSG-1|P|2.5.1
PID|1||50"0\E\1^^^GENERAL^MR
PV1|1|I|ICU^12^1^GENERAL||||||||||||||||V-7001
FT1|1|T-1001||20261121|20261121|CG|270001^Gloves M^CDM|||2
"""


def test_an_identifier_with_a_quote_and_a_backslash_is_shown_as_it_is() -> None:
    got = trial_of(load_channel(CHANNEL)).say(CHARGE.replace("\n", "\r").encode())
    assert [fields["subject"] for effect in got.effects for fields in effect.values()] == [
        'person:50"0\\1'
    ] * 2
