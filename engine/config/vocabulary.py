"""The words of a channel's own files: what stands there says nothing of a patient.

The guard (`engine.privacy.guard`) passes them without looking at the message: the cells of the tables, and
the constants of the expressions and keys, the names of warnings and filters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.config.spec import ChannelSpec
from engine.transforms.setting import Table

__all__ = ["vocabulary"]

_BETWEEN = re.compile(r"[(),:|{}'+]+|\bor\b")


def vocabulary(spec: ChannelSpec, tables: Mapping[str, Table]) -> frozenset[str]:
    """Every cell of the tables, every constant of the rules, and the parts of each with a `/` in it."""
    rules = [rule.model_dump(exclude_none=True) for rule in spec.effects]
    words = {spec.channel, spec.key_space or "", *_cells(tables)}
    words.update(filtered.name for filtered in spec.filters)
    words.update(warning.name for warning in spec.warnings)
    values = [one if isinstance(one, str) else one.given for one in spec.values.values()]
    for text in (*_texts(rules), *_texts(values), *_texts(spec.course and spec.course.model_dump())):
        words.update(word.strip() for word in (text, *_BETWEEN.split(text)))
    return frozenset(words | {part for word in words if "/" in word for part in word.split("/")})


def _cells(tables: Mapping[str, Table]) -> Iterator[str]:
    for table in tables.values():
        for key in table.keys():  # noqa: SIM118 - not a mapping
            for row in table.rows(key):
                yield from row.values()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
