"""Every reason that stops a message and every alert has a runbook, and no runbook is about nothing."""

from __future__ import annotations

import pytest

from engine.manual.contents import docs
from engine.model import ReasonCode
from engine.watching import Kind

FOLDER = docs() / "manual" / "runbooks"
REASONS = sorted(code.value for code in ReasonCode)
ALERTS = sorted(kind.value for kind in Kind)


@pytest.mark.parametrize(
    ("name", "code"), [*zip(REASONS, REASONS, strict=True), *((f"alert-{kind}", kind) for kind in ALERTS)]
)
def test_every_reason_and_every_alert_says_whose_it_is_and_what_to_do(name: str, code: str) -> None:
    text = (FOLDER / f"{name}.md").read_text("utf-8")
    assert f"(`{code}`)" in text.partition("\n")[0]
    for part in ("whose it is", "## Look", "## Mend", "## So that it does not come again"):
        assert part in text


def test_the_overview_names_each() -> None:
    overview = (FOLDER / "README.md").read_text("utf-8")
    for path in FOLDER.glob("*.md"):
        assert path.name == "README.md" or f"({path.name})" in overview


def test_no_runbook_is_about_nothing() -> None:
    there = {path.stem for path in FOLDER.glob("*.md")} - {"README"}
    assert there == {*REASONS, *(f"alert-{kind}" for kind in ALERTS)}
