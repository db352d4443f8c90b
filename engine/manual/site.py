"""The manual as a folder of files that any browser opens, with a search, without a server or the Internet."""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pygments.formatters import HtmlFormatter

from engine.manual.contents import Page, contents, docs, pages
from engine.manual.rendering import Rendered, render

__all__ = ["article", "build", "colours", "plain_link"]

_STATIC: Final = Path(__file__).parent / "static"
HOME: Final = "manual/README"


def build(into: Path, progress: Callable[[str], object] = str) -> int:
    """Write the site into a folder; how many pages. Files that pages refer to go with it."""
    every, index = list(pages()), []
    shown = {page.path for page in every}
    copied: set[str] = set()
    for page in every:
        made = article(page, partial(_link, at=page.path, shown=shown, copied=copied))
        target = into / f"{page.path}.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_page(page, made), "utf-8")
        index.append({"path": f"{page.path}.html", "title": page.title, "words": made.words})
        progress(page.title)
    for name in copied:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(docs() / name, into / name)
    for name in ("site.css", "site.js"):
        shutil.copyfile(_STATIC / name, into / name)
    (into / "colours.css").write_text(colours(), "utf-8")
    (into / "index.js").write_text(f"window.PAGES = {msgspec.json.encode(index).decode()};\n", "utf-8")
    (into / "index.html").write_text(
        f'<!doctype html><meta http-equiv="refresh" content="0;url={HOME}.html">'
    )
    return len(every)


def article(page: Page, link: Callable[[str], str | None]) -> Rendered:
    """One page's own text."""
    return render((docs() / f"{page.path}.md").read_text("utf-8"), link)


def plain_link(target: str, at: str, shown: set[str]) -> str | None:
    """Where a link in the page `at` leads, as a path below `docs` (with its anchor) for a page that is
    `shown`; as it is for an address; None for what is not shown."""
    name, _, anchor = target.partition("#")
    if "://" in target or target.startswith("mailto:"):
        return target
    path = posixpath.normpath(posixpath.join(posixpath.dirname(at), name)) if name else f"{at}.md"
    if path.removesuffix(".md") not in shown or not path.endswith(".md"):
        return None
    return path.removesuffix(".md") + (f"#{anchor}" if anchor else "")


@cache
def colours() -> str:
    """The colours of examples, by day and by night."""
    day, night = (_colours_of(style) for style in ("default", "native"))
    return f"{day}\n@media (prefers-color-scheme: dark) {{\n{night}\n}}\n"


def _colours_of(style: str) -> str:
    formatter: Any = HtmlFormatter(style=style)
    return str(formatter.get_style_defs("pre code"))


def _link(target: str, at: str, shown: set[str], copied: set[str]) -> str | None:
    found = plain_link(target, at, shown)
    if found is not None and "://" not in found and not found.startswith("mailto:"):
        path, _, anchor = found.partition("#")
        return _relative(f"{path}.html", at) + (f"#{anchor}" if anchor else "")
    if found is not None:
        return found
    name = posixpath.normpath(posixpath.join(posixpath.dirname(at), target.partition("#")[0]))
    if name.startswith("..") or not (docs() / name).is_file():
        return None
    copied.add(name)
    return _relative(name, at)


def _relative(target: str, at: str) -> str:
    return posixpath.relpath(target, posixpath.dirname(at) or ".")


def _page(page: Page, made: Rendered) -> str:
    up = _relative(".", page.path)
    links = [
        (group.title, [(_relative(f"{one.path}.html", page.path), one) for one in group.pages])
        for group in contents()
    ]
    around = dict(_around(page))
    return (
        _environment()
        .get_template("page.html")
        .render(
            page=page,
            made=made,
            up=up,
            groups=links,
            around=around,
            relative=lambda one: _relative(f"{one.path}.html", page.path),
        )
    )


def _around(page: Page) -> Iterator[tuple[str, Page]]:
    every = list(pages())
    at = every.index(page)
    if at:
        yield "before", every[at - 1]
    if at + 1 < len(every):
        yield "after", every[at + 1]


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_STATIC), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
