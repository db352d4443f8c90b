"""Markdown becomes HTML that may stand in any page of ours: no raw HTML, no inline style, no script."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from typing import Any, Final

import msgspec
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

__all__ = ["Heading", "Rendered", "render"]

Link = Callable[[str], str | None]
"""Where a link of the source leads in the pages; None for what is no page: its text stays."""

_LANGUAGES: Final = {"sh": "bash", "console": "console", "yaml": "yaml", "json": "json", "python": "python"}
_WORD: Final = re.compile(r"[^\w\- ]")


class Heading(msgspec.Struct, frozen=True):
    """A heading: how deep it is, the name of its anchor, what it says."""

    level: int
    anchor: str
    text: str


class Rendered(msgspec.Struct, frozen=True):
    """A page: its HTML, its headings, and its words for a search."""

    html: str
    headings: tuple[Heading, ...]
    words: str


def render(text: str, link: Link) -> Rendered:
    """The HTML of a page whose links lead where `link` says."""
    parser = _parser()
    tokens = parser.parse(text)
    headings = tuple(_anchored(tokens))
    for token in tokens:
        _without_style(token)
        for child in _linked(token.children or [], link):
            _without_style(child)
    words = " ".join(one.content for one in tokens if one.type in ("inline", "fence", "code_block"))
    return Rendered(parser.renderer.render(tokens, parser.options, {}), headings, " ".join(words.split()))


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "highlight": _coloured}).enable("table")


def _coloured(code: str, language: str, _: str) -> str:
    try:
        lexer = get_lexer_by_name(_LANGUAGES.get(language, language or "text"))
    except ClassNotFound:
        return escape(code)
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))


def _anchored(tokens: Sequence[Token]) -> list[Heading]:
    """Gives each heading an anchor as the hosts of Markdown do, a number behind the second of a name."""
    found: list[Heading] = []
    taken: dict[str, int] = {}
    for at, token in enumerate(tokens):
        if token.type != "heading_open":
            continue
        text = "".join(one.content for one in tokens[at + 1].children or [])
        anchor = _WORD.sub("", text.lower()).replace(" ", "-")
        taken[anchor] = taken.get(anchor, -1) + 1
        if taken[anchor]:
            anchor = f"{anchor}-{taken[anchor]}"
        token.attrSet("id", anchor)
        found.append(Heading(int(token.tag[1]), anchor, text))
    return found


def _linked(tokens: list[Token], link: Link) -> list[Token]:
    """Leads links where they lead in the pages; what leads nowhere there is no link any more."""
    kept = list[Token]()
    dropped = 0
    for token in tokens:
        if token.type == "link_open":
            target = link(str(token.attrGet("href")))
            if target is None:
                dropped += 1
                continue
            token.attrSet("href", target)
        elif token.type == "link_close" and dropped:
            dropped -= 1
            continue
        elif token.type == "image":
            token.attrSet("src", link(str(token.attrGet("src"))) or "")
        kept.append(token)
    tokens[:] = kept
    return kept


def _without_style(token: Token) -> None:
    """The alignment of a cell as a class: pages allow no inline style."""
    style: Any = token.attrs.pop("style", None)
    if style:
        token.attrJoin("class", str(style).removeprefix("text-align:"))
