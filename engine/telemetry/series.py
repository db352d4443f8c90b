"""How a series is written: a metric's name and its labels in one text, labels sorted, as Prometheus does
(https://prometheus.io/docs/instrumenting/exposition_formats/, "Text format details")."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = ["parsed", "series"]

_LABEL: Final = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', re.DOTALL)
_TAKEN_BACK: Final = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def series(name: str, /, **labels: str) -> str:
    """`series("wardline_files", result="done", channel="x")`: `wardline_files{channel="x",result="done"}`."""
    if not labels:
        return name
    inside = ",".join(f'{label}="{_escaped(labels[label])}"' for label in sorted(labels))
    return f"{name}{{{inside}}}"


@lru_cache(maxsize=8192)
def parsed(text: str) -> tuple[str, dict[str, str]]:
    """What `series` wrote: the name and the labels. Not to be changed: it is remembered."""
    name, _, rest = text.partition("{")
    return name, {label: _plain(value) for label, value in _LABEL.findall(rest)}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _plain(value: str) -> str:
    return re.sub(r'\\[\\"n]', lambda found: _TAKEN_BACK[found[0]], value)
