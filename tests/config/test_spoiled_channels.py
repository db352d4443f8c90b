"""Each spoiled channel file is found out, at its line and column, with a hint (and so is each of
two that cannot run side by side)."""

from __future__ import annotations

import re
from pathlib import Path
from time import process_time

import pytest

from engine.config.loading import channel_files, lint_files, load_channel, load_channels
from engine.errors import Misconfigured

FOLDER = Path(__file__).parent / "spoiled"

FINDINGS = FOLDER / "FINDINGS.txt"
"""What lint says of each file (or of the files of a folder together), word for word: its name, then its
findings."""

AT_MOST = 0.1
"""Seconds of the processor."""


def _expected() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    name = ""
    for line in FINDINGS.read_text().splitlines():
        if line.startswith("  "):
            found[name].append(line.strip())
        elif line:
            name = line
            found[name] = []
    return found


EXPECTED = _expected()
FORM = re.compile(r"[^:]+:[1-9][0-9]*:[1-9][0-9]*: (warning: )?[^ ].* \(.+\)")


def _said(path: Path) -> list[str]:
    findings = lint_files(channel_files([path]))
    assert findings == sorted(findings)
    return [str(finding).replace(f"{FOLDER}/", "") for finding in findings]


def _is_channel(path: Path) -> bool:
    return path.parent.name != "together" and not path.name.endswith((".test.yaml", ".table.yaml"))


def test_every_spoiled_file_is_expected() -> None:
    together = {path for path in (FOLDER / "together").iterdir() if path.is_dir()}
    alone = {path for path in (*FOLDER.glob("*.yaml"), *FOLDER.glob("*/*.yaml")) if _is_channel(path)}
    assert EXPECTED.keys() == {str(path.relative_to(FOLDER)) for path in alone | together}
    assert len(EXPECTED) >= 60


@pytest.mark.parametrize(("attacks", "at_least"), [("yaml", 40), ("expressions", 60)], ids=["T05", "T06"])
def test_there_are_enough_attacks(attacks: str, at_least: int) -> None:
    assert len([name for name in EXPECTED if name.startswith(f"{attacks}/")]) >= at_least


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_wrong_is_found_where_it_is_with_a_way_out_and_at_once(name: str) -> None:
    assert EXPECTED[name] != []
    assert _said(FOLDER / name) == EXPECTED[name]
    assert all(FORM.fullmatch(line) for line in EXPECTED[name])
    assert not any("pydantic" in line.lower() for line in EXPECTED[name])
    assert min(_spent(FOLDER / name) for _ in range(3)) < AT_MOST


def _spent(path: Path) -> float:
    started = process_time()
    lint_files(channel_files([path]))
    return process_time() - started


ALONE = [name for name in EXPECTED if name.endswith(".yaml") and not name.startswith("cases/")]


@pytest.mark.parametrize("name", ALONE)
def test_it_runs_only_when_all_that_is_said_are_warnings(name: str) -> None:
    errors = [line for line in EXPECTED[name] if ": warning: " not in line]
    if not errors or name.startswith("together/"):
        assert load_channel(FOLDER / name).spec.channel == Path(name).stem
        return
    with pytest.raises(Misconfigured) as refused:
        load_channel(FOLDER / name)
    assert str(refused.value).replace(f"{FOLDER}/", "").startswith("\n".join(sorted(errors)[:1]))


def test_two_channels_cannot_share_a_name_or_a_port(tmp_path: Path) -> None:
    text = (FOLDER / "unused-table.yaml").read_text().replace("  kits: tables/repeated.csv\n", "")
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "items.csv").write_bytes((FOLDER / "tables/items.csv").read_bytes())
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(text)
    found = [str(finding) for finding in lint_files([tmp_path / "a.yaml", tmp_path / "b.yaml"])]
    assert found == [
        f"{tmp_path}/b.yaml:1:10: {tmp_path}/a.yaml is called unused-table too (choose another name)",
        f"{tmp_path}/b.yaml:6:13: {tmp_path}/a.yaml listens on port 2600 already (choose another port)",
    ]
    with pytest.raises(Misconfigured, match="choose another port"):
        load_channels(tmp_path)


def test_two_channels_cannot_take_files_from_one_folder(tmp_path: Path) -> None:
    text = (FOLDER / "folder-pattern.yaml").read_text().replace("in/*.hl7", "'*.hl7'")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/items.csv").write_bytes((FOLDER / "tables/items.csv").read_bytes())
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(
        text.replace("channel: f", "channel: g").replace("/srv/in", "/srv/./in/")
    )
    found = [str(finding) for finding in lint_files([tmp_path / "a.yaml", tmp_path / "b.yaml"])]
    assert found == [f"{tmp_path}/b.yaml:6:11: {tmp_path}/a.yaml takes its files too (choose another folder)"]


def test_a_folder_without_channels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no channel file"):
        load_channels(tmp_path)
