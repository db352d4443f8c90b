"""What is watched of a channel: what it says, and what is right where it says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.alerting.watch import ChannelWatch
from engine.config.loading import load_channel
from engine.config.watched import watches_of
from engine.watching import Kind

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples" / "language"

CHANNEL = """\
channel: charges
description: Charges of the wards.
owner: {business: billing@hospital.example, technical: interfaces@hospital.example}
source: {mllp: {listen: tcp:2590, message_types: [DFT^P03], timezone: Europe/Berlin}}
sequence_by: PV1-19
effects:
  - charge: {key: "{FT1-2}", encounter: PV1-19, item: FT1-7, quantity: FT1-10}
destinations:
  - odoo: {connection: hospital-odoo}
"""


def watched(tmp_path: Path, text: str = "", source: str = "") -> ChannelWatch:
    path = tmp_path / "charges.yaml"
    path.write_text(CHANNEL.replace("timezone:", f"{source} timezone:") + text)
    (one,) = watches_of([load_channel(path)])
    return one


def test_every_channel_is_watched_without_saying_anything(tmp_path: Path) -> None:
    one = watched(tmp_path)
    assert one.limits == {
        Kind.QUEUE_AGE: 900.0,
        Kind.QUEUE_LENGTH: 5000.0,
        Kind.ERROR_RATE: 0.1,
        Kind.DEAD_LETTERS: 1.0,
        Kind.ACKNOWLEDGEMENT: 5.0,
        Kind.DOOR: 60.0,
    }
    assert (one.expects, one.to, one.business, one.within) == ((), (), (), 0.0)
    assert one.destinations == ("odoo:hospital-odoo",)


def test_all_that_can_be_said_is_heard() -> None:
    (one,) = watches_of([load_channel(EXAMPLES / "alerts.yaml")])
    assert one.limits == {
        Kind.QUEUE_AGE: 600.0,
        Kind.QUEUE_LENGTH: 2000.0,
        Kind.ERROR_RATE: 0.05,
        Kind.DEAD_LETTERS: 1.0,
        Kind.SERVICE_LEVEL: 0.99,
        Kind.ACKNOWLEDGEMENT: 2.0,
        Kind.DOOR: 30.0,
    }
    assert (one.to, one.business, one.within) == (("on-duty",), ("stores",), 300.0)
    busy, always = one.expects
    assert (busy.every, busy.zone, always.every) == (900.0, "Europe/Berlin", 14400.0)
    assert busy.said == "every 15m, mon-fri 07-19, sat 08-12"
    assert busy.off == always.off == {"12-25", "12-26", "2027-03-26"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("criticality: high\n", 300.0), ("criticality: bulk\n", 14400.0), ("alerts: {queue_age: 2h}\n", 7200.0)],
)
def test_how_long_may_wait_what(tmp_path: Path, text: str, seconds: float) -> None:
    assert watched(tmp_path, text).limits[Kind.QUEUE_AGE] == seconds


def test_what_waits_for_a_schedule_is_meant_to_wait(tmp_path: Path) -> None:
    scheduled = watched(tmp_path, 'schedule: {cron: "0 22 * * *"}\n')
    assert Kind.QUEUE_AGE not in scheduled.limits


def test_who_waits_for_the_delivery_is_answered_when_it_is_done(tmp_path: Path) -> None:
    assert Kind.ACKNOWLEDGEMENT not in watched(tmp_path, source="acknowledge: delivery,").limits
    both = watched(tmp_path, "alerts: {acknowledgement: 20s}\n", "acknowledge: delivery,")
    assert both.limits[Kind.ACKNOWLEDGEMENT] == 20.0


def test_everything_can_be_off(tmp_path: Path) -> None:
    words = ("queue_age", "queue_length", "error_rate", "dead_letters", "service_level", "acknowledgement")
    off = ", ".join(f"{word}: off" for word in (*words, "closed"))
    assert watched(tmp_path, f"alerts: {{{off}}}\n").limits == {}
