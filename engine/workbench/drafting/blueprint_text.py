"""The text of a blueprint: a channel file's body, in which entries are taken out and expressions replaced
while everything else stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from textwrap import wrap

import yaml

__all__ = ["BlueprintText", "Entry", "entries_of", "folded", "without_comments", "without_unused"]

WIDTH = 110
COMMENTS = 42
"""The column where a comment behind a line stands, if the line leaves room."""

Entry = tuple[yaml.ScalarNode, yaml.Node]
"""A key of the text and what stands under it."""

_DIRECTIVE = re.compile(r"\s*#\?\s*(\S+)\s*$")
_COMMENT = re.compile(r"\s*#")
_EXPRESSION = re.compile(r"(?P<indent> +)(?P<key>[a-z_-]+): (?P<text>[A-Za-z][^#\"]+)")
_GIVEN = re.compile(r"\([^()]*\)")


class BlueprintText:
    """Lines are taken out and scalars replaced at last, when all of it was looked at (`done`)."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self.root = yaml.compose(text, Loader=yaml.CSafeLoader)
        self._gone: set[int] = set()
        self._replaced: list[tuple[yaml.Node, str]] = []

    def condition(self, key: yaml.ScalarNode) -> str:
        """What the comment above an entry says it needs; empty: nothing."""
        line = int(key.start_mark.line) - 1
        while line >= 0 and _COMMENT.match(self._lines[line]):
            if (found := _DIRECTIVE.match(self._lines[line])) is not None:
                return found[1]
            line -= 1
        return ""

    def remove(self, key: yaml.ScalarNode, value: yaml.Node) -> None:
        """Take an entry out, with the comments above it."""
        self._gone.update(_span(self._lines, key, value))

    def replace(self, node: yaml.Node, text: str) -> None:
        """Put `text` in place of a scalar (or of a list on one line)."""
        self._replaced.append((node, text))

    def state(self) -> tuple[int, set[int]]:
        """What `undo` goes back to."""
        return len(self._replaced), set(self._gone)

    def undo(self, state: tuple[int, set[int]]) -> None:
        """As if nothing had been taken out or replaced since."""
        del self._replaced[state[0] :]
        self._gone = set(state[1])

    def done(self) -> str:
        """The text that is left."""
        lines = list(self._lines)
        for node, text in sorted(self._replaced, key=lambda one: one[0].start_mark.index, reverse=True):
            start, end = node.start_mark, node.end_mark
            if start.line == end.line:
                lines[start.line] = _replaced(lines[start.line], node, text)
        kept = [line for number, line in enumerate(lines) if number not in self._gone]
        return _joined(line for line in kept if not _DIRECTIVE.match(line))


def entries_of(node: yaml.Node) -> Iterator[Entry]:
    """The entries of a mapping, in the text's order."""
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 - blueprints are ours
    yield from node.value


def _replaced(line: str, node: yaml.Node, text: str) -> str:
    """A line with `text` in a node's place; a comment behind it stays where it stood, but not one that speaks
    of alternatives which are gone."""
    start, end = int(node.start_mark.column), int(node.end_mark.column)
    style = getattr(node, "style", None)
    written = line[:start] + (f"{style}{text}{style}" if style in ("'", '"') else text)
    after = line[end:]
    if ", else" in after and " or " in node.value and " or " not in text:
        after = ""
    if not re.match(r"\s+#", after):
        return written + after
    column = max(len(written) + 2, min(line.index("#", end), COMMENTS))
    return written.ljust(column) + after.lstrip()


def _last_line(node: yaml.Node) -> int:
    if isinstance(node, yaml.ScalarNode):
        return int(node.end_mark.line)
    if node.flow_style:
        return int(node.end_mark.line)
    if isinstance(node, yaml.MappingNode):
        return max(_last_line(value) for _, value in node.value)
    return max(_last_line(one) for one in node.value)


def _span(lines: list[str], key: yaml.ScalarNode, value: yaml.Node) -> range:
    """The lines of an entry, with the comments above it."""
    first = int(key.start_mark.line)
    while first > 0 and _COMMENT.match(lines[first - 1]):
        first -= 1
    return range(first, _last_line(value) + 1)


def without_unused(text: str) -> str:
    """Without values that nothing uses any more."""
    while True:
        lines = text.split("\n")
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
        entries = {key.value: (key, node) for key, node in entries_of(root)}
        values = list(entries_of(entries["values"][1])) if "values" in entries else []
        unused = [one for one in values if not _used(_texts(root, one[1]), one[0].value)]
        if not unused:
            return text
        whole = [entries["values"]] if len(unused) == len(values) else unused
        gone = {number for one in whole for number in _span(lines, *one)}
        text = _joined(line for number, line in enumerate(lines) if number not in gone)


def folded(line: str) -> list[str]:
    """A long expression over several lines, as people write it."""
    found = _EXPRESSION.fullmatch(line)
    if len(line) <= WIDTH or found is None:
        return [line]
    inner = f"{found['indent']}  "
    parts = wrap(found["text"], WIDTH - 10, break_long_words=False, break_on_hyphens=False)
    return [f"{found['indent']}{found['key']}: >-", *(f"{inner}{part}" for part in parts)]


def _used(others: Iterable[str], name: str) -> bool:
    """Whether a value is named in one of these texts."""
    named = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w(-])")
    return any(named.search(_GIVEN.sub("", text)) for text in others)


def _texts(node: yaml.Node, but: yaml.Node | None = None) -> Iterator[str]:
    """The texts in which expressions stand, those of the node `but` left out."""
    if node is but:
        return
    if isinstance(node, yaml.ScalarNode):
        yield node.value
    elif isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield from _texts(one, but)
    else:
        for key, value in entries_of(node):
            if key.value == "when":
                yield from (test.value for test, _ in entries_of(value))
            elif key.value not in ("name", "for_each", "kind"):
                yield from _texts(value, but)


def _joined(lines: Iterable[str]) -> str:
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    return re.sub(r"(?m)^([a-z_]+:)\n\n", r"\1\n", text).strip("\n") + "\n"


def without_comments(text: str) -> str:
    """What is left without them."""
    return re.sub(r"(?m)(^|\s)#.*$", "", text)
