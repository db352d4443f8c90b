"""What a node is told by its environment, and how much it says."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from engine.errors import Misconfigured
from engine.settings import Settings
from engine.telemetry import Answered, EngineStopping, configure_logs, signal, signals


@pytest.fixture
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.getLogger("wardline.counted").setLevel(logging.NOTSET)
    structlog.reset_defaults()


def test_settings_come_from_the_environment() -> None:
    found = Settings.from_environment({"WARDLINE_LOG_LEVEL": "DEBUG", "WARDLINE_DRAIN": "5"}, http="off")
    assert (found.log_level, found.drain, found.http) == ("DEBUG", 5.0, "off")


@pytest.mark.parametrize(
    ("variable", "text", "says"),
    [
        ("WARDLINE_LOG_LEVEL", "LOUD", "is none of DEBUG, INFO, WARNING, ERROR"),
        ("WARDLINE_DRAIN", "soon", "is not a number"),
    ],
)
def test_a_setting_that_does_not_read(variable: str, text: str, says: str) -> None:
    with pytest.raises(Misconfigured, match=says) as caught:
        Settings.from_environment({variable: text})
    assert caught.value.where == variable


@pytest.mark.parametrize(
    ("variable", "meant"),
    [("WARDLINE_MOD", "MODE"), ("WARDLINE_STOR", "STORE"), ("WARDLINE_KEEP_CONTENTS", "KEEP_CONTENT")],
)
def test_a_name_that_is_nearly_a_setting_is_not_passed_over(variable: str, meant: str) -> None:
    with pytest.raises(Misconfigured, match=f"did you mean WARDLINE_{meant}") as caught:
        Settings.from_environment({variable: "x"})
    assert caught.value.where == variable


@pytest.mark.parametrize(
    "variable",
    [
        "WARDLINE_KEY", "WARDLINE_KEY_COMMAND", "WARDLINE_USER", "WARDLINE_PERSON_KEY", "WARDLINE_PG_BIN",
        "WARDLINE_DB_PASSWORD", "WARDLINE_REIDENTIFY_PEOPLE", "WARDLINE_ODOO_STOR_URL",
        "WARDLINE_NOTIFY_MOD_URL",
    ],
)  # fmt: skip
def test_what_others_read_is_no_mistyped_setting(variable: str) -> None:
    assert Settings.from_environment({variable: "x"}) == Settings.from_environment({})


@pytest.mark.usefixtures("_logging_as_it_was")
@pytest.mark.parametrize(
    ("level", "events"),
    [("DEBUG", ["Answered", "engine stopping"]), ("INFO", ["engine stopping"]), ("ERROR", [])],
)
def test_the_level_of_the_logs(
    level: str, events: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure_logs(level=level)
    monkeypatch.setattr(signals, "_log", structlog.get_logger())  # the module's own may be in use already
    signal(Answered("charges", "AA", 0.01))
    signal(EngineStopping("north/0"))
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == events


@pytest.mark.usefixtures("_logging_as_it_was")
def test_libraries_say_nothing_of_content(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    try:
        raise ValueError("JaneDoeXyz")
    except ValueError:
        logging.getLogger("asyncio").exception("about %s", "JaneDoeXyz")
    assert capsys.readouterr().err == "ERROR asyncio\nValueError\n"
