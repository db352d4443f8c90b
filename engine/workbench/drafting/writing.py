"""YAML and CSV as people would have written them: plain where that is enough, quoted where it must be."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["block", "csv_text", "flow", "line", "scalar"]

_WIDTH = 100
"""Characters of a line, about."""

_PLAIN = re.compile(r"[A-Za-z0-9_./^+-](?:[A-Za-z0-9_./:@^*+ ()'<>=~-]*[A-Za-z0-9_./@^*+()'<>=~-])?")


def scalar(text: object) -> str:
    """A text, a number or a switch."""
    if isinstance(text, bool):
        return "yes" if text else "no"
    said = str(text)
    if _PLAIN.fullmatch(said) and ": " not in said and " #" not in said and said != "-" and said[:2] != "- ":
        return said
    return json.dumps(said, ensure_ascii=False)


def line(text: str) -> str:
    """A text that stands alone on its line: a comma is no reason for quotes there."""
    plain = scalar(text.replace(",", "")) != json.dumps(text.replace(",", ""), ensure_ascii=False)
    return text if plain and not text.startswith(",") else scalar(text)


def flow(value: Any) -> str:
    """Anything on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def block(fields: Mapping[str, Any], indent: str) -> Iterator[str]:
    """A mapping, one line a key; a long list one line a part."""
    for key, value in fields.items():
        whole = f"{indent}{scalar(key)}: {flow(value)}"
        if isinstance(value, list) and len(whole) > _WIDTH:
            yield f"{indent}{scalar(key)}:"
            yield from (f"{indent}  - {flow(part)}" for part in value)
        else:
            yield whole


def csv_text(comment: str, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """A table with its comment above it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([row.get(column, "") for column in columns])
    return f"# {comment}\n{out.getvalue()}"
