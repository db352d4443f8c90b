"""A blueprint becomes what samples support: the rest of it is taken out, its text stays as it was written.

A blueprint is the body of a channel file. Of each expression those alternatives stay that the samples
populate; a field of an effect, a condition, a value or a rule that is left with nothing goes, with the
comments above it. `#? CONDITION` above an entry says when else it goes (`Facts.satisfied`). What an effect
cannot do without stays as it is written, and is a `Gap`: messages like the samples will be refused there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml

from engine.config.spec import rules as effects
from engine.workbench.drafting.blueprint_text import (
    BlueprintText,
    entries_of,
    folded,
    without_comments,
    without_unused,
)
from engine.workbench.drafting.facts import Facts
from engine.workbench.drafting.supported import Supported

__all__ = ["Gap", "Pruned", "prune"]

_DEFAULTED = re.compile(r"[^|]+\|\s*default\(([^()]*)\)")
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
    left = "\n".join(part for line in without_unused(work.done()).split("\n") for part in folded(line))
    return Pruned(left, list(dict.fromkeys(_CALLED.findall(without_comments(left)))), work.gaps)


class _Pruning:
    """One blueprint on its way."""

    def __init__(self, text: str, facts: Facts) -> None:
        self._text, self._facts, self._supported = BlueprintText(text), facts, Supported(facts)
        self.gaps: list[Gap] = []

    def done(self) -> str:
        """What is left of its text."""
        for key, node in sorted(entries_of(self._text.root), key=lambda one: one[0].value != "values"):
            if not self._wanted(key):
                self._text.remove(key, node)
            elif key.value == "values":
                self._values(node)
            elif key.value in _STEPS:
                self._steps(key, node)
            elif key.value == "course":
                self._fields("course", "", node, required=("key",))
            else:
                self._expression(node)
        return self._text.done()

    def _wanted(self, key: yaml.ScalarNode) -> bool:
        condition = self._text.condition(key)
        return not condition or self._facts.satisfied(condition)

    def _values(self, node: yaml.Node) -> None:
        for key, value in entries_of(node):
            pruned = self._supported.pruned(value.value)
            self._supported.alive[key.value] = pruned is not None or "default(" in value.value
            self._text.replace(
                value, pruned or self._supported.known(value.value)
            )  # for what cannot do without it

    def _steps(self, key: yaml.ScalarNode, node: yaml.Node) -> None:
        assert isinstance(node, yaml.SequenceNode)  # noqa: S101 - blueprints are ours
        left = [step for step in node.value if self._step(step)]
        if not left:
            self._text.remove(key, node)

    def _step(self, step: yaml.MappingNode) -> bool:
        """Whether a rule, a filter or a warning stays."""
        first = step.value[0][0]
        if not self._wanted(first):
            self._text.remove(first, step)
            return False
        said = {key.value: (key, value) for key, value in entries_of(step) if self._wanted(key)}
        anchor = said["for_each"][1].value if "for_each" in said else ""
        if anchor and not self._facts.has(anchor) and not self._text.condition(first).startswith("MSH-9.2="):
            self._text.remove(first, step)
            return False
        before = self._text.state()
        for entry in entries_of(step):
            if not self._wanted(entry[0]):
                self._text.remove(*entry)
        rule = not _RULES.keys().isdisjoint(said) or "refuse" in said
        if "when" in said and not self._conditions(*said["when"], rule=rule):
            self._text.undo(before)
            self._text.remove(first, step)
            return False
        for word, (_, fields) in said.items():
            if word in _RULES:
                self._fields(said["name"][1].value, word, fields, _required(word))
        return True

    def _conditions(self, key: yaml.ScalarNode, when: yaml.Node, *, rule: bool) -> bool:
        """Whether all of them can hold; those that always do are taken out, but not the last of a filter."""
        left, before = 0, self._text.state()
        for test, wanted in entries_of(when):
            stays = self._wanted(test) and self._condition(test, wanted)
            if stays is None:
                return False
            if stays:
                left += 1
            else:
                self._text.remove(test, wanted)
        if not left and not rule:
            self._text.undo(before)
        elif not left:
            self._text.remove(key, when)
        return True

    def _condition(self, test: yaml.ScalarNode, wanted: yaml.Node) -> bool | None:
        """Whether a condition stays; None when it cannot hold."""
        listed = isinstance(wanted, yaml.SequenceNode)
        values = [one.value for one in wanted.value] if listed else [wanted.value]
        if test.value in ("MSH-9.1", "MSH-9.2"):
            taken = [value for value in values if value in self._facts.codes(test.value)]
            if taken and taken != values:
                self._text.replace(wanted, f"[{', '.join(taken)}]" if len(taken) > 1 else taken[0])
            return True if taken else None
        pruned = self._supported.pruned(test.value)
        if pruned is not None:
            self._text.replace(test, pruned)
            return True
        constant = _DEFAULTED.fullmatch(test.value)
        if constant is None:
            return False if values == ["absent"] else True if "default(" in test.value else None
        return False if constant[1] in values else None

    def _fields(self, rule: str, word: str, node: yaml.Node, required: tuple[str, ...]) -> None:
        for key, value in entries_of(node):
            name = key.value
            constant = name in _CONSTANT or (word, name) == ("merge", "kind")
            if constant or not isinstance(value, yaml.ScalarNode):
                continue
            if not self._wanted(key):
                self._text.remove(key, value)
            elif name in _TEMPLATES:
                self._template(rule, value, name)
            elif (pruned := self._supported.pruned(value.value)) is not None:
                self._text.replace(value, pruned)
            elif "default(" in value.value or self._supported.is_word(value.value):
                continue
            elif name in required:
                self.gaps.append(Gap(rule, name, value.value))
                self._text.replace(value, self._supported.known(value.value))
            else:
                self._text.remove(key, value)

    def _template(self, rule: str, node: yaml.ScalarNode, name: str) -> None:
        """A key: each of its expressions stays, for it needs all of them."""

        def part(found: re.Match[str]) -> str:
            pruned = self._supported.pruned(found[1])
            if pruned is None and "default(" not in found[1]:
                self.gaps.append(Gap(rule, name, found[1]))
            return "{" + (pruned or found[1]) + "}"

        self._text.replace(node, _BRACED.sub(part, node.value))

    def _expression(self, node: yaml.Node) -> None:
        pruned = self._supported.pruned(node.value)
        if pruned is not None:
            self._text.replace(node, pruned)


def _required(word: str) -> tuple[str, ...]:
    """What an effect cannot do without."""
    spelled = [name for name, one in _RULES[word].model_fields.items() if one.is_required()]
    return (*spelled, "quantity", "item", "items", *(["encounter"] if word == "credit" else []))
