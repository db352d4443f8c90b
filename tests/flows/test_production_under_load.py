"""Production as people do it, by its commands, while messages flow: an author deploys and sees the impact on
what has just come in, a reviewer approves, the engine takes it up, somebody goes back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployed import Deployed, charge, edition
from patience import free_port
from running import ITEMS
from test_hot_reload import SENDERS, Load, assert_whole

from engine.people.file import add_person
from engine.people.words import Role

CASES = """\
cases:
  - name: what is charged leaves the stock
    file: charge.hl7
    expect: {acknowledgement: AA, state: effects}
"""


class House:
    """An engine in production, and the people at their command lines."""

    def __init__(self, folder: Path) -> None:
        self.people, self.channels = folder / "people.yaml", folder / "written"
        self.channels.mkdir()
        (self.channels / "items.csv").write_text(ITEMS)
        (self.channels / "charges.test.yaml").write_text(CASES)
        (self.channels / "charge.hl7").write_bytes(charge(1).replace(b"\r", b"\n"))
        for name, role in (("ann", Role.AUTHOR), ("bob", Role.REVIEWER)):
            key = add_person(self.people, name, f"{name} of the interface team", [role], [])
            (folder / f"{name}.key").touch(0o600)
            (folder / f"{name}.key").write_text(key)
        self.engine = Deployed(folder / "engine", settings={"MODE": "production", "PEOPLE": str(self.people)})
        self.port = free_port()

    def run(self, who: str, *arguments: str) -> str:
        """A command of somebody; what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "engine.cli", *arguments, "--why", "a test"],
            env={**self.engine.environment, "WARDLINE_PERSON_KEY": str(self.people.with_name(f"{who}.key"))},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def deploy(self, place: str) -> str:
        """Put forward that the stock is another one."""
        (self.channels / "charges.yaml").write_text(edition(place, port=self.port))
        return self.run("ann", "deploy", str(self.channels), "--last", "200", "--yes")

    def approve(self, number: int) -> str:
        return self.run("bob", "approve", str(number), "--last", "200", "--yes", "--wait", "30")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.engine.hang_up()
    if made.engine.runs:
        made.engine.kill()
    made.engine.assert_silent()


def test_deploy_impact_approve_and_rollback_under_load(house: House) -> None:
    house.deploy("E1")
    house.approve(1)
    engine = house.engine
    engine.start()
    with Load(engine) as load:
        load.flows()
        put_forward = house.deploy("E2")
        assert "charges (changed): 200 of 200 messages compared" in put_forward
        assert "200 uses change location" in put_forward
        assert "WH/E1 → WH/E2 (200)" in put_forward
        assert "edition 2 waits for another person" in put_forward
        load.flows()
        approved = house.approve(2)
        assert "WH/E1 → WH/E2 (200)" in approved
        assert "runs edition 2" in approved
        load.flows()
        assert "runs edition 1" in house.run("ann", "rollback", "--wait", "30")
        load.flows()
    assert [line.hung_up for line in load.lines] == [0] * SENDERS, "no connection was dropped"
    assert all(line.failure is None for line in load.lines)
    assert sorted(assert_whole(engine, load)) == [1, 2]
    assert engine.stop() == 0
