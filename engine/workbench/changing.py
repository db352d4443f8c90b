"""Small changes of one expression or key: each what somebody might write by mistake, or break later.

A change that means the same is none: a verb that is put there anyway where a number or a date is wanted
is not dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from engine.errors import Misconfigured
from engine.transforms.expression import (
    Argument,
    Call,
    Expression,
    Joined,
    PathText,
    Source,
    Template,
    parse,
    parse_key,
    parts_of,
)
from engine.workbench.writing import written, written_key

__all__ = ["Change", "Sought", "changes_of_key", "changes_of_text", "other"]

_IMPLIED = frozenset({"number", "money", "date", "timestamp"})
"""Text goes through these wherever their type is wanted."""

_PATH = re.compile(
    r"(?P<field>[A-Z][A-Z0-9]{2}(?:\[\d+\])?-)(?P<number>\d+)(?P<component>\.\d+)?(?P<rest>.*)"
)
_CHOSEN = re.compile(r"\[[A-Za-z][^\]]*\]")
_COLUMN = frozenset({"lookup", "find"})
_PATHS = frozenset({"per", "product_of", "convert"})
_TEXTS = frozenset({"literal", "money"})


class Change(NamedTuple):
    """A text with one thing changed: `said` tells which, `offset` counts characters to it."""

    text: str
    said: str
    offset: int


class Sought(NamedTuple):
    """What an expression is about: the columns of the channel's tables, and what a test wants it to give."""

    columns: Mapping[str, Sequence[str]]
    wanted: Sequence[str] = ()

    def before(self, verbs: Sequence[Call]) -> Sought:
        """The same for what goes through these verbs: a map turns its own words into what is wanted."""
        if not verbs or verbs[0].name != "map":
            return self
        arms = {arm.name: arm.text for arm in verbs[0].arguments if arm.name}
        wanted = {name for name, text in arms.items() if text in self.wanted or not self.wanted}
        turning = arms.keys() - wanted if "else" in wanted else wanted  # what is not listed goes by else
        return self._replace(wanted=sorted(turning - {"else"}))

    def opposite(self, text: str) -> str:
        """A text that turns a test around which `text` decides; without a test another one."""
        return self.wanted[0] if self.wanted and text not in self.wanted else _not(text)


def other(text: str) -> str:
    """A word that is not `text`."""
    return f"{text}~"


def changes_of_text(text: str, setting: Sought) -> Iterator[Change]:
    """The changes of an expression; None for what is none."""
    try:
        expression = parse(text)
    except Misconfigured:
        return
    for changed, said, offset in _of_expression(expression, setting):
        yield Change(written(changed), said, offset)


def changes_of_key(text: str, setting: Sought) -> Iterator[Change]:
    """The changes of a key."""
    try:
        template = parse_key(text)
    except Misconfigured:
        return
    at = 0
    for number, part in enumerate(template.parts):
        if isinstance(part, str):
            without = part.strip("/")
            if without:
                left = _key(template, number, part.replace(without, "", 1))
                yield Change(left, f"{without} dropped", at)
            at += len(part)
            continue
        if sum(isinstance(one, Expression) for one in template.parts) > 1:
            yield Change(_key(template, number, None), f"{{{written(part)}}} dropped", part.offset)
        for changed, said, offset in _of_expression(part, setting):
            yield Change(_key(template, number, changed), said, offset)
        at = part.offset + len(written(part)) + 1


def _key(template: Template, number: int, part: str | Expression | None) -> str:
    parts = list(template.parts)
    parts[number : number + 1] = [] if part is None else [part]
    text = written_key(Template(tuple(parts)))
    return re.sub(r"/{2,}", "/", text).strip("/") or text


_Changed = tuple[Expression, str, int]


def _of_expression(expression: Expression, setting: Sought) -> Iterator[_Changed]:
    for number, source in enumerate(expression.sources):
        if len(expression.sources) > 1:
            left = (*expression.sources[:number], *expression.sources[number + 1 :])
            said = f"{written(Expression((source,), (), 0))} dropped"
            yield replace(expression, sources=left), said, parts_of(source)[0].offset
        for changed, said, offset in _of_source(source, setting):
            there = (*expression.sources[:number], changed, *expression.sources[number + 1 :])
            yield replace(expression, sources=there), said, offset
    for number, call in enumerate(expression.verbs):
        if call.name not in _IMPLIED:
            left_verbs = (*expression.verbs[:number], *expression.verbs[number + 1 :])
            yield replace(expression, verbs=left_verbs), f"{call.name} dropped", call.offset
        for verb, said, offset in _of_call(call, setting.before(expression.verbs[number + 1 :])):
            verbs = (*expression.verbs[:number], verb, *expression.verbs[number + 1 :])
            yield replace(expression, verbs=verbs), said, offset


def _of_source(source: Source, setting: Sought) -> Iterator[tuple[Source, str, int]]:
    parts = parts_of(source)
    for number, part in enumerate(parts):
        if len(parts) > 1:
            left = (*parts[:number], *parts[number + 1 :])
            said = f"+ {written(Expression((part,), (), 0))} dropped"
            yield (left[0] if len(left) == 1 else Joined(left)), said, part.offset
        changes: Iterator[tuple[PathText | Call, str, int]]
        changes = _of_path(part) if isinstance(part, PathText) else _of_call(part, setting)
        for changed, said, offset in changes:
            there = (*parts[:number], changed, *parts[number + 1 :])
            yield (there[0] if len(there) == 1 else Joined(there)), said, offset


def _of_path(path: PathText) -> Iterator[tuple[PathText, str, int]]:
    """The place beside it; of FHIR, the same without what is chosen there."""
    moved = _beside(path.text)
    if moved is not None:
        yield PathText(moved, path.offset), f"{path.text} becomes {moved}", path.offset
        return
    for found in _CHOSEN.finditer(path.text):
        bare = path.text[: found.start()] + path.text[found.end() :]
        yield PathText(bare, path.offset), f"{path.text} becomes {bare}", path.offset


def _beside(text: str) -> str | None:
    found = _PATH.fullmatch(text)
    if found is None:
        return None
    if found["component"]:
        component = f".{int(found['component'][1:]) + 1}"
        return f"{found['field']}{found['number']}{component}{found['rest']}"
    return f"{found['field']}{int(found['number']) + 1}{found['rest']}"


def _of_call(call: Call, setting: Sought) -> Iterator[tuple[Call, str, int]]:
    arguments = call.arguments
    for number, argument in enumerate(arguments):
        for changed, said in _of_argument(call, number, argument, setting):
            left = () if changed is None else (changed,)
            there = (*arguments[:number], *left, *arguments[number + 1 :])
            yield replace(call, arguments=there), said, argument.offset


def _of_argument(
    call: Call, number: int, argument: Argument, setting: Sought
) -> Iterator[tuple[Argument | None, str]]:
    """What may be wrong with one argument of a verb; None drops it."""
    name, text = call.name, argument.text
    if name == "map":
        yield from _of_arm(call, argument, setting)
    elif name == "code" or (name in _COLUMN and number == 2):
        yield None, f"{_shown(argument)} dropped"
    else:
        changed = _changed_argument(call, number, text, setting)
        if changed is not None:
            yield replace(argument, text=changed), f"{text} becomes {changed}"


def _of_arm(call: Call, argument: Argument, setting: Sought) -> Iterator[tuple[Argument | None, str]]:
    if len(call.arguments) > 1:
        yield None, f"{argument.name} dropped"
    changed = setting.opposite(argument.text)
    yield replace(argument, text=changed), f"{argument.name}: {argument.text} becomes {changed}"


def _changed_argument(call: Call, number: int, text: str, setting: Sought) -> str | None:
    if call.name in _COLUMN and number == 1:
        columns = setting.columns.get(call.arguments[0].text, ())
        return next((name for name in columns if name != text), None)
    if call.name in _PATHS or (call.name == "anywhere" and number == 0):
        return _beside(text)
    if call.name == "default":
        return setting.opposite(text)
    return _not(text) if call.name in _TEXTS or call.name == "anywhere" else None


def _shown(argument: Argument) -> str:
    return argument.text or "''"


def _not(text: str) -> str:
    """Another text of the same kind: 2 for 1, else a word that is none."""
    return str(int(text) + 1) if text.isascii() and text.isdecimal() else other(text)
