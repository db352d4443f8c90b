"""A blueprint becomes what samples support: the rest of it is taken out, its text stays as it was written.

A blueprint is the body of a channel file. Of each expression those alternatives stay that the samples
populate; a field of an effect, a condition, a value or a rule that is left with nothing goes, with the
comments above it. `#? CONDITION` above an entry says when else it goes (`Facts.satisfied`). What an effect
cannot do without stays as it is written, and is a `Gap`: messages like the samples will be refused there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import NamedTuple

import yaml

from engine.config.spec import rules as effects
from engine.workbench.drafting.facts import Facts

__all__ = ["Gap", "Pruned", "prune"]

WIDTH = 110
COMMENTS = 42
"""The column where a comment behind a line stands, if the line leaves room."""

_DIRECTIVE = re.compile(r"\s*#\?\s*(\S+)\s*$")
_COMMENT = re.compile(r"\s*#")
_DEFAULTED = re.compile(r"[^|]+\|\s*default\(([^()]*)\)")
_EXPRESSION = re.compile(r"(?P<indent> +)(?P<key>[a-z_-]+): (?P<text>[A-Za-z][^#\"]+)")
_GIVEN = re.compile(r"\([^()]*\)")
_BRACED = re.compile(r"\{([^{}]+)\}")
_CALLED = re.compile(r"\b(?:lookup|find|kit)\(\s*([a-z][a-z0-9-]*)")
_STEPS = ("filters", "warnings", "effects")
_TEMPLATES = frozenset({"key", "reverses", "against"})
_CONSTANT = {
    "state", "when_unknown", "again", "account", "trigger", "whole", "procure", "when_reversed",
}  # fmt: skip
"""Fields of effects that are words, not expressions; `kind` of a merge is one too."""

_RULES = {word: getattr(effects, f"{word.capitalize()}Rule") for word in effects.EFFECTS}


class Gap(NamedTuple):
    """What an effect cannot do without, and no sample has: `expression` reads it."""

    rule: str
    field: str
    expression: str


class Pruned(NamedTuple):
    """The body that is left, the tables that it asks, and what the samples lack."""

    text: str
    tables: list[str]
    gaps: list[Gap]


def prune(text: str, facts: Facts) -> Pruned:
    """What the samples support of a blueprint's `text`."""
    work = _Pruning(text, facts)
    left = _without_unused(work.done())
    left = "\n".join(folded for line in left.split("\n") for folded in _folded(line))
    return Pruned(left, list(dict.fromkeys(_CALLED.findall(_without_comments(left)))), work.gaps)


Entry = tuple[yaml.ScalarNode, yaml.Node]


class _Pruning:
    """One blueprint on its way. Lines are taken out and scalars replaced once all of it was looked at."""

    def __init__(self, text: str, facts: Facts) -> None:
        self._lines, self._facts = text.split("\n"), facts
        self._root = yaml.compose(text, Loader=yaml.CSafeLoader)
        self._alive: dict[str, bool] = {}
        self._gone: set[int] = set()
        self._replaced: list[tuple[yaml.Node, str]] = []
        self.gaps: list[Gap] = []

    def done(self) -> str:
        for key, node in sorted(_entries(self._root), key=lambda one: one[0].value != "values"):
            if not self._wanted(key):
                self._remove(key, node)
            elif key.value == "values":
                self._values(node)
            elif key.value in _STEPS:
                self._steps(key, node)
            elif key.value == "course":
                self._fields("course", "", node, required=("key",))
            else:
                self._expression(node)
        lines = self._rewritten()
        kept = [line for number, line in enumerate(lines) if number not in self._gone]
        return _joined(line for line in kept if not _DIRECTIVE.match(line))

    # What a blueprint has

    def _values(self, node: yaml.Node) -> None:
        for key, value in _entries(node):
            pruned = self._pruned(value.value)
            self._alive[key.value] = pruned is not None or "default(" in value.value
            self._replace(value, pruned or self._known(value.value))  # for what cannot do without it

    def _steps(self, key: yaml.ScalarNode, node: yaml.Node) -> None:
        assert isinstance(node, yaml.SequenceNode)  # noqa: S101 - blueprints are ours
        left = [step for step in node.value if self._step(step)]
        if not left:
            self._remove(key, node)

    def _step(self, step: yaml.MappingNode) -> bool:
        """Whether a rule, a filter or a warning stays."""
        said = {key.value: (key, value) for key, value in _entries(step)}
        anchor = said["for_each"][1].value if "for_each" in said else ""
        first = said["name"][0]
        if (anchor and not self._facts.has(anchor)) or not self._wanted(first):
            self._remove(first, step)
            return False
        edits, gone = len(self._replaced), set(self._gone)
        rule = not _RULES.keys().isdisjoint(said) or "refuse" in said
        if "when" in said and not self._conditions(*said["when"], rule=rule):
            del self._replaced[edits:]
            self._gone = gone
            self._remove(first, step)
            return False
        for word, (_, fields) in said.items():
            if word in _RULES:
                self._fields(said["name"][1].value, word, fields, _required(word))
        return True

    def _conditions(self, key: yaml.ScalarNode, when: yaml.Node, *, rule: bool) -> bool:
        """Whether all of them can hold; those that always do are taken out, but not the last of a filter."""
        left, before = 0, set(self._gone)
        for test, wanted in _entries(when):
            stays = self._wanted(test) and self._condition(test, wanted)
            if stays is None:
                return False
            if stays:
                left += 1
            else:
                self._remove(test, wanted)
        if not left and not rule:
            self._gone = before
        elif not left:
            self._remove(key, when)
        return True

    def _condition(self, test: yaml.ScalarNode, wanted: yaml.Node) -> bool | None:
        """Whether a condition stays; None when it cannot hold."""
        listed = isinstance(wanted, yaml.SequenceNode)
        values = [one.value for one in wanted.value] if listed else [wanted.value]
        if test.value in ("MSH-9.1", "MSH-9.2"):
            taken = [value for value in values if value in self._facts.codes(test.value)]
            if taken and taken != values:
                self._replace(wanted, f"[{', '.join(taken)}]" if len(taken) > 1 else taken[0])
            return True if taken else None
        pruned = self._pruned(test.value)
        if pruned is not None:
            self._replace(test, pruned)
            return True
        constant = _DEFAULTED.fullmatch(test.value)
        if constant is None:
            return False if values == ["absent"] else True if "default(" in test.value else None
        return False if constant[1] in values else None

    def _fields(self, rule: str, word: str, node: yaml.Node, required: tuple[str, ...]) -> None:
        for key, value in _entries(node):
            name = key.value
            if (
                not isinstance(value, yaml.ScalarNode)
                or name in _CONSTANT
                or (word, name) == ("merge", "kind")
            ):
                continue
            if not self._wanted(key):
                self._remove(key, value)
            elif name in _TEMPLATES:
                self._template(rule, value, name)
            elif (pruned := self._pruned(value.value)) is not None:
                self._replace(value, pruned)
            elif "default(" in value.value or self._is_word(value.value):
                continue
            elif name in required:
                self.gaps.append(Gap(rule, name, value.value))
                self._replace(value, self._known(value.value))
            else:
                self._remove(key, value)

    def _template(self, rule: str, node: yaml.ScalarNode, name: str) -> None:
        """A key: each of its expressions stays, for it needs all of them."""

        def part(found: re.Match[str]) -> str:
            pruned = self._pruned(found[1])
            if pruned is None and "default(" not in found[1]:
                self.gaps.append(Gap(rule, name, found[1]))
            return "{" + (pruned or found[1]) + "}"

        self._replace(node, _BRACED.sub(part, node.value))

    def _expression(self, node: yaml.Node) -> None:
        pruned = self._pruned(node.value)
        if pruned is not None:
            self._replace(node, pruned)

    # What samples have

    def _pruned(self, text: str) -> str | None:
        """The expression with those alternatives that the samples populate; None when there is none."""
        head, *verbs = re.split(r"\s*\|\s*", text)
        left = [one for one in re.split(r"\s+or\s+", head) if self._populated(one)]
        return " | ".join((" or ".join(left), *verbs)) if left else None

    def _known(self, text: str) -> str:
        """An expression that no sample populates, without alternatives that this sender could never send."""
        head, *verbs = re.split(r"\s*\|\s*", text)
        sources = re.split(r"\s+or\s+", head)
        left = [one for one in sources if one in self._alive or self._facts.knows(one)] or sources
        return " | ".join((" or ".join(left), *verbs))

    def _populated(self, source: str) -> bool:
        return all(map(self._part, re.split(r"\s+\+\s+", source)))

    def _part(self, part: str) -> bool:
        if part.startswith("literal("):
            return True
        if part.startswith("anywhere("):
            return self._facts.has(part[len("anywhere(") :].partition(",")[0])
        if part in self._alive:
            return self._alive[part]
        return not self._is_word(part) and self._facts.has(part)

    def _is_word(self, text: str) -> bool:
        """A plain word where an expression may stand: `kind: service`."""
        return re.fullmatch(r"[a-z]+", text) is not None and text not in self._alive

    def _wanted(self, key: yaml.ScalarNode) -> bool:
        """Whether the condition above an entry holds."""
        line = key.start_mark.line - 1
        while line >= 0 and _COMMENT.match(self._lines[line]):
            found = _DIRECTIVE.match(self._lines[line])
            if found and not self._facts.satisfied(found[1]):
                return False
            line -= 1
        return True

    # The text

    def _remove(self, key: yaml.ScalarNode, value: yaml.Node) -> None:
        self._gone.update(_span(self._lines, key, value))

    def _replace(self, node: yaml.Node, text: str) -> None:
        self._replaced.append((node, text))

    def _rewritten(self) -> list[str]:
        lines = list(self._lines)
        for node, text in sorted(self._replaced, key=lambda one: one[0].start_mark.index, reverse=True):
            start, end = node.start_mark, node.end_mark
            if start.line != end.line or lines[start.line][start.column : end.column] == text:
                continue
            style = getattr(node, "style", None)
            quoted = f"{style}{text}{style}" if style in ("'", '"') else text
            line = lines[start.line]
            before, after = line[: start.column], line[end.column :]
            if ", else" in after and " or " in node.value and " or " not in text:
                after = ""  # the comment speaks of what is gone
            if re.match(r"\s+#", after):  # a comment stays where it stood
                column = max(len(before + quoted) + 2, min(line.index("#", end.column), COMMENTS))
                lines[start.line] = f"{before}{quoted}".ljust(column) + after.lstrip()
            else:
                lines[start.line] = f"{before}{quoted}{after}"
        return lines


def _required(word: str) -> tuple[str, ...]:
    """What an effect cannot do without."""
    spelled = [name for name, one in _RULES[word].model_fields.items() if one.is_required()]
    return (*spelled, "quantity", "item", *(["encounter"] if word == "credit" else []))


def _entries(node: yaml.Node) -> Iterator[Entry]:
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 - blueprints are ours
    yield from node.value


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


def _without_unused(text: str) -> str:
    """Without values that nothing uses any more."""
    while True:
        lines = text.split("\n")
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
        entries = {key.value: (key, node) for key, node in _entries(root)}
        values = list(_entries(entries["values"][1])) if "values" in entries else []
        unused = [one for one in values if not _used(_texts(root, one[1]), one[0].value)]
        if not unused:
            return text
        whole = [entries["values"]] if len(unused) == len(values) else unused
        gone = {number for one in whole for number in _span(lines, *one)}
        text = _joined(line for number, line in enumerate(lines) if number not in gone)


def _folded(line: str) -> list[str]:
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
        for key, value in _entries(node):
            if key.value == "when":
                yield from (test.value for test, _ in _entries(value))
            elif key.value not in ("name", "for_each", "kind"):
                yield from _texts(value, but)


def _joined(lines: Iterable[str]) -> str:
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    return re.sub(r"(?m)^([a-z_]+:)\n\n", r"\1\n", text).strip("\n") + "\n"


def _without_comments(text: str) -> str:
    return re.sub(r"(?m)(^|\s)#.*$", "", text)
