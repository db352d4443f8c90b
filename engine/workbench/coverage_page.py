"""The page of `wardline test --coverage-page`: each file with the lines that no case came by. One file, with
nothing from elsewhere, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from engine.config.finding import Finding
from engine.workbench.coverage import Coverage, Covered

__all__ = ["page"]

_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>What no case came by</title>
<meta name="viewport" content="width=device-width">
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
pre { overflow-x: auto; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
pre span { display: block; padding: 0 .5rem; }
.missed { background: color-mix(in srgb, orange 25%, transparent); }
.why { float: right; font-family: system-ui, sans-serif; font-size: .85em; }
td { padding-right: 2rem; }
</style></head><body>
"""


def page(coverage: Coverage) -> str:
    """The page of some files."""
    rows = "".join(_row(number, one) for number, one in enumerate(coverage.files))
    files = "".join(_file(number, one) for number, one in enumerate(coverage.files) if one.missed)
    said = f"<h1>What no case came by</h1><p>{coverage.percent:.1f} % of all there is was come by.</p>"
    return f"{_HEAD}{said}<table>{rows}</table>{files}</body></html>\n"


def _row(number: int, one: Covered) -> str:
    name = escape(one.file)
    link = f'<a href="#f{number}">{name}</a>' if one.missed else name
    return f"<tr><td>{link}</td><td>{one.percent:.1f} %</td><td>{len(one.missed)} of {one.items}</td></tr>"


def _file(number: int, one: Covered) -> str:
    by_line: dict[int, list[Finding]] = {}
    for finding in one.missed:
        by_line.setdefault(finding.line, []).append(finding)
    lines = "".join(_lines(one.file, by_line))
    return f'<h2 id="f{number}">{escape(one.file)}</h2><pre>{lines}</pre>'


def _lines(file: str, missed: dict[int, list[Finding]]) -> Iterator[str]:
    for number, line in enumerate(Path(file).read_text(encoding="utf-8-sig").splitlines(), 1):
        text = f"{number:4}  {escape(line)}"
        if number in missed:
            why = escape("; ".join(one.text for one in missed[number]))
            yield f'<span class="missed"><span class="why">{why}</span>{text}</span>'
        else:
            yield f"<span>{text}</span>"
