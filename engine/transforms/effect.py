"""From the fields of a rule to the effect that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from engine import effects
from engine.effects import Effect, Item, Merge
from engine.errors import Unacceptable
from engine.privacy.redaction import Sender
from engine.privacy.tokens import DOMAINS
from engine.transforms.compiling import Checked, missing
from engine.transforms.expression import Flaw
from engine.transforms.field import LONGEST, Want, check_text, compile_cleared, compile_field, compile_key
from engine.transforms.scope import Scope, Value, asked
from engine.transforms.setting import Setting
from engine.transforms.shapes import ITEM, SHAPES, WHOLE, Shape

__all__ = ["Make", "compile_effect"]

Make = Callable[[Scope], Effect | None]
"""Makes a rule's effect of a message or group; None when there is nothing to do after all."""

Flaws = dict[str, Flaw]
"""What is wrong, by field."""

_CONSTANTS = ("procure", "when_unknown", "state", "account", "trigger", "again", "whole")
"""Fields that the channel file gives as they are."""


def compile_effect(
    kind: str, given: Mapping[str, Any], setting: Setting, space: str
) -> tuple[Make | None, Flaws]:
    """What makes the effect `kind` of the fields `given`, its keys within `space`, and what is wrong
    with them; nothing is made when something is."""
    draft = _Draft(given, setting)
    if kind == "merge":
        return draft.merge(), draft.flaws
    if kind == "forward":
        return _forwarding(given, setting, space)
    whole = bool(given.get("whole"))
    shape = WHOLE[kind] if whole else SHAPES[kind]
    for name in shape.keys:
        below = kind == "release" or (whole and kind == "consume" and name == "reverses")
        draft.key(name, space="" if kind == "encounter" else space, below=below)
    for name, want in {**shape.fields, "company": Want()}.items():
        draft.field(name, want)
    if shape.what:
        draft.what(shape.what)
    draft.cleared({name: shape.fields[name] for name in shape.clearable})
    if draft.flaws or (shape.what and shape.what not in draft.values):
        return None, draft.flaws
    constants = {name: given[name] for name in _CONSTANTS if name in given}
    if constants.get("state") == "keep":
        constants["state"] = ""
    return _making(shape, constants, draft.values), {}


class _Draft:
    """The values of one effect as they are compiled, and the flaws that come up."""

    def __init__(self, given: Mapping[str, Any], setting: Setting) -> None:
        self.given, self.setting = given, setting
        self.values: dict[str, Value] = {}
        self.flaws: Flaws = {}

    def add(self, name: str, compiled: Callable[[str], Value]) -> None:
        """The value of field `name`, when it is given."""
        text = self.given.get(name)
        if text is None:
            return
        self.setting.part = name
        try:
            self.values[name] = compiled(text)
        except Flaw as flaw:
            self.flaws[name] = flaw

    def field(self, name: str, want: Want) -> None:
        self.add(name, lambda text: compile_field(text, want, self.setting))

    def key(self, name: str, *, space: str, below: bool) -> None:
        self.add(name, lambda text: compile_key(text, self.setting, space=space, below=below))

    def cleared(self, wants: Mapping[str, Want]) -> None:
        """The names of those of these fields that the message empties with `""`."""
        emptied: dict[str, Callable[[Scope], bool]] = {}
        for name, want in wants.items():
            if name in self.values:
                self.setting.part = name
                emptied[name] = compile_cleared(self.given[name], want, self.setting)
        if emptied:
            self.values["cleared"] = lambda scope: tuple(
                name for name, is_empty in emptied.items() if is_empty(scope)
            )

    def what(self, name: str) -> None:
        """`items` or `item`: a list as it is, or put together of item, quantity, unit and lot."""
        if "items" in self.given:
            self.field("items", Want(tuple, required=True))
            return
        for part, want in ITEM.items():
            self.field(part, want)
        parts = {part: self.values.pop(part) for part in ITEM if part in self.values}
        if "item" in parts and "quantity" in parts:
            one = _item(parts)
            self.values[name] = one if name == "item" else lambda scope: (one(scope),)

    def merge(self) -> Make | None:
        """Both sides, tokens of the kind's own domain; nothing when they are one already, but then the store
        looks whether they were merged the other way round."""
        kind = self.given["kind"]
        want = Want(required=True, tokens=frozenset({DOMAINS[kind]}))
        self.field("gone", want)
        self.field("into", want)
        if self.flaws:
            return None
        gone, into = self.values["gone"], self.values["into"]
        either_way = self.given.get("when_reversed") == "ignore"

        def make(scope: Scope) -> Effect | None:
            old, new = gone(scope), into(scope)
            if old != new:
                return Merge(key=f"merge/{old}/{new}", kind=kind, gone=old, into=new)
            if not either_way and (numbers := (asked(gone, scope), asked(into, scope)))[0] != numbers[1]:
                scope.book.same(*numbers)
            return None

        return make


def _item(parts: Mapping[str, Value]) -> Value:
    fields = _fields({"code" if name == "item" else name: value for name, value in parts.items()})

    def value(scope: Scope) -> Item:
        given = _filled({}, fields, scope)
        return Item(given["code"], given["quantity"], given.get("unit", ""), given.get("lot", ""))

    return value


def _forwarding(given: Mapping[str, Any], setting: Setting, space: str) -> tuple[Make | None, Flaws]:
    names = ("application", "facility", "receiving_application", "receiving_facility")
    sender = Sender(**{name: given[name] for name in names})
    try:
        redaction = setting.redaction(given["segments"], given["dates"], sender)
    except Flaw as flaw:
        return None, {"segments": flaw}

    def make(scope: Scope) -> Effect:
        made = redaction.message(scope.view, scope.book)
        return effects.Forward(key=f"{space}/{made.control_id}", **msgspec.structs.asdict(made))

    return make, {}


_Check = Callable[[Any], None]
_Fields = tuple[tuple[str, Value, _Check | None, Checked | None], ...]


def _fields(values: Mapping[str, Value]) -> _Fields:
    """The values by name, those of `Checked` taken apart."""
    return tuple(
        (name, value.value, value.check, value) if isinstance(value, Checked) else (name, value, None, None)
        for name, value in values.items()
    )


def _filled(constants: Mapping[str, Any], fields: _Fields, scope: Scope) -> dict[str, Any]:
    """The constants and the fields that hold something: what `Checked` does, without the calls."""
    given = {**constants}
    for name, value, check, field in fields:
        try:
            found = value(scope)
            if found is not None:
                if check is check_text:  # of most; without the call, too
                    if len(found) > LONGEST or not found.isprintable():
                        check_text(found)
                elif check is not None:
                    check(found)
                given[name] = found
            elif field is not None and field.required:
                raise missing()
        except Unacceptable as refusal:
            raise refusal if field is None else field.compiled.refused(refusal, scope) from None
    return given


def _making(shape: Shape, constants: Mapping[str, Any], values: Mapping[str, Value]) -> Make:
    fields = _fields(values)

    def make(scope: Scope) -> Effect:
        return shape.type(**_filled(constants, fields, scope))

    if not shape.statement:
        return make

    def said(scope: Scope) -> Effect | None:
        effect = make(scope)
        return (
            effect if any(getattr(effect, name) not in ("", None, ()) for name in shape.statement) else None
        )

    return said
