"""Steps read well on a terminal and in a log."""

from __future__ import annotations

import io
import itertools

import pytest
from rich.console import Console

from demo.steps import Steps


def told(terminal: bool, fail: bool = False) -> str:
    out, ticks = io.StringIO(), itertools.count(0.0, 1.5)
    steps = Steps(Console(file=out, force_terminal=terminal, width=80), lambda: next(ticks))
    try:
        with steps.step("fetch [it]"):
            if fail:
                raise ValueError
    except ValueError:
        steps.say("stopped")
    return out.getvalue()


def test_plain_lines_elsewhere() -> None:
    assert told(terminal=False) == "  ✓ fetch [it] (1.5 s)\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_step_that_fails_is_crossed(terminal: bool) -> None:
    assert "✗ fetch [it]" in told(terminal, fail=True)


def test_a_live_line_on_a_terminal() -> None:
    assert told(terminal=True).rstrip().endswith("✓ fetch [it] (1.5 s)")
