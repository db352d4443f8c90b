"""What the manual consists of, and in which order it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import yaml

__all__ = ["Group", "Page", "contents", "docs", "pages"]

_PACKED: Final = Path(__file__).parent / "docs"
_CHECKOUT: Final = Path(__file__).parent.parent.parent / "docs"
CONTENTS: Final = "manual/contents.yaml"


class Page(msgspec.Struct, frozen=True):
    """One page: its file below `docs` without the ending (`manual/operate`), and its title."""

    path: str
    title: str


class Group(msgspec.Struct, frozen=True):
    """Pages that belong together."""

    title: str
    pages: tuple[Page, ...]


def docs() -> Path:
    """Where the pages are: in the package, or in the checkout that it runs from."""
    return _PACKED if _PACKED.is_dir() else _CHECKOUT


@cache
def contents() -> tuple[Group, ...]:
    """The table of contents: `contents.yaml` names each page, a folder's pages by `folder/*`."""
    read = msgspec.convert(yaml.safe_load((docs() / CONTENTS).read_text("utf-8")), Mapping[str, list[str]])
    return tuple(
        Group(title, tuple(Page(path, _title(path)) for name in names for path in _paths(name)))
        for title, names in read.items()
    )


def pages() -> Iterator[Page]:
    """All pages in the order of reading."""
    for group in contents():
        yield from group.pages


def _paths(name: str) -> list[str]:
    if not name.endswith("/*"):
        return [name]
    folder = docs() / name.removesuffix("/*")
    found = sorted(path.relative_to(docs()).with_suffix("").as_posix() for path in folder.glob("*.md"))
    return sorted(found, key=lambda path: not path.endswith("/README"))


def _title(path: str) -> str:
    first = (docs() / f"{path}.md").read_text("utf-8").partition("\n")[0]
    return first.lstrip("# ").replace("`", "")
