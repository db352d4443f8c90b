"""The catalogue as people read it: Markdown for a repository, a page for everybody else. Both say the same,
and nothing on the page comes from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from engine.workbench.catalogue import Catalogue, Entry, SiteEntry
from engine.workbench.data_classes import DataClass

__all__ = ["CATALOGUE", "COLUMNS", "Section", "as_markdown", "as_page", "sections", "summary"]

CATALOGUE: Final = "docs/catalogue.md"
"""That of the shipped channels; `wardline schema --write` writes it with the manual's pages."""

COLUMNS: Final = ("channel", "from", "takes", "makes", "goes to", "criticality", "owner")
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #8886; }
section > table th { width: 11rem; font-weight: 600; }
section { break-inside: avoid; }
a { color: inherit; }
@media print { body { max-width: none; margin: 0; font-size: 11px; } a { text-decoration: none; } }
"""


class Section(NamedTuple):
    """One channel or site: its heading, a sentence, and what is to be said of it."""

    name: str
    text: str
    rows: list[tuple[str, list[str]]]


def as_markdown(found: Catalogue) -> str:
    """The catalogue as Markdown."""
    lines = [f"# {_title(found)}", "", _table_row(COLUMNS), "|" + "---|" * len(COLUMNS)]
    for entry in found.channels:
        name, *cells = summary(entry)
        lines.append(_table_row([f"[{name}](#{name})", *cells]))
    for section in sections(found):
        lines += ["", f"## {section.name}", "", section.text, "", "| | |", "|---|---|"]
        lines += [
            _table_row([label, "<br>".join(map(_cell, said))], raw=True) for label, said in section.rows
        ]
    return "\n".join(lines) + "\n"


def as_page(found: Catalogue) -> str:
    """The catalogue as one page of HTML, light or dark as the reader has it, and fit for printing."""
    title = escape(_title(found))
    lines = [
        "<!doctype html>", '<html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{title}</title><style>{_STYLE}</style>", f"<h1>{title}</h1>",
        "<table><tr>", *(f'<th scope="col">{escape(word)}</th>' for word in COLUMNS), "</tr>",
    ]  # fmt: skip
    for entry in found.channels:
        name, *cells = map(escape, summary(entry))
        linked = f'<a href="#{name}">{name}</a>'
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in (linked, *cells)) + "</tr>")
    lines.append("</table>")
    for section in sections(found):
        lines += _as_html(section)
    return "\n".join((*lines, "</html>", ""))


def _as_html(section: Section) -> Iterator[str]:
    name = escape(section.name)
    yield f'<section id="{name}"><h2>{name}</h2><p>{escape(section.text)}</p><table>'
    for label, said in section.rows:
        cells = "<br>".join(map(escape, said))
        yield f'<tr><th scope="row">{escape(label)}</th><td>{cells}</td></tr>'
    yield "</table></section>"


def _title(found: Catalogue) -> str:
    return "Integrations" + (f" at {', '.join(found.applied)}" if found.applied else "")


def summary(one: Entry) -> list[str]:
    """A channel in one row, by `COLUMNS`."""
    makes = ", ".join(one.effects)
    goes_to = ", ".join(one.destinations)
    return [
        one.channel,
        one.sender,
        ", ".join(_families(one.door.takes)),
        makes,
        goes_to,
        one.criticality,
        one.business,
    ]


def sections(found: Catalogue) -> Iterator[Section]:
    """What there is to say of each channel and site, one after the other."""
    for entry in found.channels:
        yield Section(entry.channel, entry.description, [row for row in _rows(entry) if row[1]])
    for site in found.sites:
        yield Section(f"site {site.site}", site.description, [row for row in _site_rows(site) if row[1]])


def _rows(one: Entry) -> list[tuple[str, list[str]]]:
    door = one.door
    return [
        ("file", [one.file]),
        ("business owner", [one.business]),
        ("technical owner", [one.technical]),
        ("criticality", [one.criticality]),
        ("sender", [_joined(one.sender, one.vendor, one.contact)] if one.sender else []),
        ("door", [f"{door.kind}, {door.address}, {door.protection}; answers {door.answers}"]),
        ("takes", _events(door.takes)),
        ("identifying data", list(map(_data, one.data))),
        ("effects", [f"{kind} ({_counted(number, 'rule')})" for kind, number in one.effects.items()]),
        ("destinations", list(one.destinations)),
        ("tables", [_joined(table.file, _counted(table.rows, "row"), table.owner) for table in one.tables]),
        ("shadow", ["takes, answers and compares, and writes nothing"] if one.shadow else []),
        ("functions", list(one.functions)),
        ("service level", [_joined(f"within {one.within}", one.hours)] if one.within else []),
        ("schedule", [one.schedule] if one.schedule else []),
        ("kept otherwise", [f"{name}: {_counted(days, 'day')}" for name, days in one.kept.items()]),
        ("runbook", [one.runbook] if one.runbook else []),
        ("cases", [str(one.cases)]),
    ]


def _by_code(takes: Sequence[str]) -> dict[str, list[str]]:
    """Message types and resources by what stands before their event: `ADT` → `A01`, `A02`."""
    found: dict[str, list[str]] = {}
    for one in takes:
        code, _, event = one.partition("^")
        found.setdefault(code, []).extend([event] if event else [])
    return found


def _families(takes: Sequence[str]) -> list[str]:
    return [
        f"{code} ({len(events)} events)" if len(events) > 1 else "^".join((code, *events))
        for code, events in _by_code(takes).items()
    ]


def _events(takes: Sequence[str]) -> list[str]:
    return [f"{code}: {', '.join(events)}" if events else code for code, events in _by_code(takes).items()]


def _data(one: DataClass) -> str:
    leaves = "leaves" if one.leaves else "stays in the engine"
    return f"{one.what} ({one.letters}: {', '.join(one.paths)}): {one.becomes}, {leaves}"


def _site_rows(one: SiteEntry) -> list[tuple[str, list[str]]]:
    return [
        ("business owner", [one.business] if one.business else []),
        ("technical owner", [one.technical] if one.technical else []),
        ("changes", [", ".join(one.changes)] if one.changes else []),
        ("does not run", [", ".join(one.without)] if one.without else []),
    ]


def _joined(*words: str) -> str:
    return ", ".join(word for word in words if word)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number:,} {word}s"


def _table_row(cells: Sequence[str], *, raw: bool = False) -> str:
    return "| " + " | ".join(cells if raw else map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    """What stands in a cell cannot end it, nor be read as HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
