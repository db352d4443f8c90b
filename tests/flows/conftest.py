"""Engines for tests of whole flows (see `running.py`), all stopped and their logs read afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from deployed import Deployed
from flow_case import Case
from running import Engine, channel


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Callable[..., Deployed]]:
    """Makes engines that run what was deployed, with a first edition, not started yet."""
    made: list[Deployed] = []

    def make(*channels: str, files: Mapping[str, str] | None = None, **options: Any) -> Deployed:
        made.append(Deployed(tmp_path / f"deployed-{len(made)}", **options))
        made[-1].deploy(*channels, files=files)
        return made[-1]

    yield make
    for engine in made:
        engine.hang_up()
        if engine.runs:
            engine.kill()
        engine.assert_silent()


@pytest.fixture
def make_engine(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Makes engines, not started yet. Whatever they log must hold no word of what they were sent."""
    made: list[Engine] = []

    def make(*channels: str, **options: Any) -> Engine:
        made.append(Engine(tmp_path / f"engine-{len(made)}", *channels, **options))
        return made[-1]

    yield make
    for engine in made:
        engine.hang_up()
        if engine.runs:
            engine.kill()
    for engine in made:
        engine.assert_silent()


@pytest.fixture(scope="session")
def shared_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine with all logs open, for cases that do not disturb each other."""
    engine = Engine(
        tmp_path_factory.mktemp("shared"),
        channel("charges"),
        channel("strict", source="    require_cr: yes"),
        channel("small", source="    max_frame: 1048576"),
        channel("anonymous", source="    control_id: optional"),
        channel("numbered", source="    sequence_numbers: yes\n    control_id_reuse: reject"),
        channel("declared", source="    charset_strict: yes"),
        channel("release-2", source='    mllp_release: "2"\n    max_frame: 65536'),
        channel("transform", source="    acknowledge: transform"),
        channel("delivery", source="    acknowledge: delivery"),
        settings={"APPLICATION": "WARDLINE^2.16.1^ISO", "FACILITY": "MAIN"},
    )
    engine.start("loud")
    yield engine
    engine.hang_up()
    assert engine.stop() == 0


@pytest.fixture
def case(shared_engine: Engine) -> Iterator[Case]:
    """A test's own view of the shared engine; no word of what it sent may stand in any log."""
    yield Case(shared_engine)
    shared_engine.hang_up()
    shared_engine.assert_silent()
