"""The manual's pages on the language: one for each construct, made of the shape of the files and of examples
that are tests. `wardline schema --write` writes them; nobody edits them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.transforms.verb import Verb
from engine.workbench.examples import Example, example_of, read_examples
from engine.workbench.language import FILES, Construct, Key, constructs, keys_of, said_of

__all__ = ["PAGES", "manual_pages"]

PAGES = "docs/manual/language"

_KINDS = {
    "channel": "The channel file",
    "test-file": "Its cases: `NAME.test.yaml`",
    "table-file": "Schemas of tables: `tables/NAME.table.yaml`",
    "site": "Sites: `sites/NAME.yaml`",
    "clients-file": "Clients of a FHIR door",
}
_SAYS_WHAT_COMES = frozenset({"effects", "filters", "warnings", "course", "widen", "privacy"})
"""Parts of a channel whose example is only whole with what comes of a message."""


def manual_pages(root: Path) -> dict[str, str]:
    """Every page by its path from the project's root, as it should be."""
    examples, known = read_examples(root), constructs()
    pages = {f"{PAGES}/{one.name}.md": _page(one, examples) for one in known}
    return {f"{PAGES}/README.md": _index(known), **pages}


def _index(known: Sequence[Construct]) -> str:
    lines = [
        "# The language, construct by construct",
        "",
        "Made by `wardline schema --write` from what the engine checks files against; every example is a",
        "test. How it all belongs together is told in [channels.md](../channels.md).",
    ]
    for file in FILES:
        lines += ["", f"## {_KINDS[file]}", ""]
        parts = [one for one in known if one.file == file and not isinstance(one.of, Verb)]
        lines += [f"{'  ' * len(one.way)}- {_link(one)}: {_first(one)}" for one in parts]
    lines += ["", "## Verbs of expressions", ""]
    lines += [f"- {_link(one)}: {_first(one)}" for one in known if isinstance(one.of, Verb)]
    return "\n".join(lines) + "\n"


def _link(one: Construct) -> str:
    word = one.of.name if isinstance(one.of, Verb) else f"{one.way[-1]}:" if one.way else one.name
    return f"[`{word}`]({one.name}.md)"


def _first(one: Construct) -> str:
    """The first sentence that a construct says of itself."""
    text = said_of(one).partition("\n\n")[0].replace("\n", " ")
    if isinstance(one.of, Verb):
        text = text.partition("`: ")[2]
    return text.rstrip(".")


def _page(one: Construct, examples: Sequence[Example]) -> str:
    example = example_of(one, examples)
    body = [f"# {_title(one)}", "", said_of(one), ""]
    if keys := keys_of(one):
        body += ["| key | holds | if left out | means |", "|---|---|---|---|"]
        body += [_row(one, key, examples, example) for key in keys]
        body += [""]
    body += ["## Example", "", *_shown(one, example, examples)] if example else []
    return "\n".join(body).rstrip() + "\n"


def _title(one: Construct) -> str:
    if isinstance(one.of, Verb):
        return f"The verb `{one.of.name}`"
    return f"`{' '.join(f'{key}:' for key in one.way)}`" if one.way else _KINDS[one.file]


def _row(one: Construct, key: Key, examples: Sequence[Example], own: Example | None) -> str:
    holds = f"[{key.holds}]({key.page}.md)" if key.page else key.holds
    default = "required" if key.otherwise is None else f"`{key.otherwise}`" if key.otherwise else "–"
    cells = [f"`{key.name}`{_used(one, key, examples, own)}", *map(_cell, (holds, default, key.means))]
    return f"| {' | '.join(cells)} |"


def _used(one: Construct, key: Key, examples: Sequence[Example], own: Example | None) -> str:
    """Where another example than that of the page uses a key."""
    if isinstance(one.of, Verb) or (own is not None and own.line_of(one.of, key.name)):
        return ""
    for example in examples:
        if line := example.line_of(one.of, key.name):
            return f" ([example]({_from_page(example)}#L{line}))"
    return ""


def _from_page(example: Example) -> str:
    """The way from a page to an example."""
    return f"../../{example.path.removeprefix('docs/')}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _shown(one: Construct, example: Example, examples: Sequence[Example]) -> Iterator[str]:
    """The part of the example that is about the construct, and what comes of it."""
    parts = (
        [example.block(key) for key in _blocks(one)]
        if _blocks(one)
        else ["\n".join(example.rows[_after(example) :])]
    )
    yield f"From [{example.path}]({_from_page(example)}), which is a test:"
    yield from ("", "```yaml", "\n\n".join(filter(None, parts)), "```", "")
    beside = next((e for e in examples if e.kind == "test-file" and e.stem == example.stem), None)
    if (
        beside is not None
        and beside is not example
        and (isinstance(one.of, Verb) or {*one.way[:1]} & _SAYS_WHAT_COMES)
    ):
        yield from ("What comes of it:", "", "```yaml", "\n".join(beside.rows), "```", "")


def _blocks(one: Construct) -> tuple[str, ...]:
    """The keys at the top of a file whose lines show a construct; none: the whole file."""
    if isinstance(one.of, Verb):
        return ("values", "effects")
    if one.way[:1] == ("cases",):
        return ("messages", "cases")
    return ("values", *one.way[:1]) if one.way[:1] == ("effects",) else one.way[:1]


def _after(example: Example) -> int:
    """Past the line that tells editors of the schema."""
    return int(example.rows[0].startswith("# yaml-language-server"))
