"""What an edition would change, as a page of its own: nothing on it comes from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from engine.editions.impact import Channel, Group, Impact
from engine.editions.wording import headline, pairs, sentence

__all__ = ["page"]

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { border-top: 1px solid; padding-top: 1rem; font-size: 1.1rem; }
table { border-collapse: collapse; } td, th { text-align: left; padding: 0 1.5rem 0 0; vertical-align: top; }
.ids { opacity: .7; font-size: .9rem; }
@media print { body { max-width: none; margin: 0; } }
"""


def page(found: Impact, title: str) -> str:
    """The page as HTML; every text of it is escaped."""
    lines = [
        "<!doctype html>", '<html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>", f"<h1>{escape(title)}</h1>",
    ]  # fmt: skip
    for channel in found.channels:
        lines += _channel(channel)
    if found.same:
        lines.append(f"<p>As they were: {escape(', '.join(found.same))}</p>")
    return "\n".join((*lines, "</html>", ""))


def _channel(channel: Channel) -> Iterator[str]:
    yield f"<h2>{escape(headline(channel))}</h2>"
    for group in channel.groups:
        yield from _group(group)


def _group(group: Group) -> Iterator[str]:
    yield f"<p><strong>{escape(sentence(group))}</strong>"
    examples = ", ".join(map(str, group.examples))
    such = "message" if len(group.examples) == 1 else "messages such as"
    yield f'<br><span class="ids">{such} {examples}</span></p>'
    shown = pairs(group)
    if shown:
        rows = "".join(f"<tr><td>{escape(one)}</td></tr>" for one in shown)
        yield f"<table>{rows}</table>"
