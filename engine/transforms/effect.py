"""From the fields of a rule to the effect that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from engine import effects
from engine.effects import Effect, Item, Merge, Money
from engine.errors import Unacceptable
from engine.privacy.redaction import Sender
from engine.privacy.tokens import DOMAINS
from engine.transforms.compiling import Checked, missing
from engine.transforms.expression import Flaw
from engine.transforms.field import LONGEST, Want, check_text, compile_cleared, compile_field, compile_key
from engine.transforms.quantity import check_count, check_lot
from engine.transforms.scope import Scope, Value, asked
from engine.transforms.setting import Setting

__all__ = ["Make", "compile_effect", "words_of"]

Make = Callable[[Scope], Effect | None]
"""Makes a rule's effect of a message or group; None when there is nothing to do after all."""

Flaws = dict[str, Flaw]
"""What is wrong, by field."""

_TEXT = Want()
_TEXT_NEEDED = Want(required=True)
_PERSON = Want(tokens=frozenset({DOMAINS["person"]}))
_VISIT = Want(tokens=frozenset({DOMAINS["visit"], DOMAINS["account"]}))
_DAY = Want(date)
_PRIORITY = Want(words=("routine", "urgent", "asap", "stat"))
_YES_NO = Want(words=("yes", "no"))
_STATUS = Want(words=("active", "inactive"))
_COUNT = Want(Decimal, check=check_count)
_KIND = Want(words=("inpatient", "outpatient", "emergency", "planned", "other"))

_ITEM = {
    "item": _TEXT_NEEDED,
    "quantity": Want(Decimal, required=True),
    "unit": _TEXT,
    "lot": Want(check=check_lot),
}
_BILL = {
    "encounter": msgspec.structs.replace(_VISIT, required=True),
    "price": Want(Money),
    "cost_centre": _TEXT,
    "date": _DAY,
    "subject": _PERSON,
}


class Shape(msgspec.Struct, frozen=True):
    """An effect's type; its fields that are expressions; its keys; how it says what: `items`,
    `item` or nothing; the fields that a message may take away (`""`); the fields of which one must say
    something, or there is nothing to do."""

    type: Callable[..., Effect]
    fields: dict[str, Want] = {}
    keys: tuple[str, ...] = ("key",)
    what: str = ""
    clearable: tuple[str, ...] = ()
    statement: frozenset[str] = frozenset()


_SHAPES = {
    "reserve": Shape(
        effects.Reserve,
        {
            "source": _TEXT,
            "destination": _TEXT_NEEDED,
            "needed_at": Want(datetime),
            "needed_on": _DAY,
            "priority": _PRIORITY,
            "subject": _PERSON,
            "encounter": _VISIT,
        },
        what="items",
    ),
    "release": Shape(effects.Release),
    "consume": Shape(
        effects.Consume,
        {"location": _TEXT_NEEDED, "subject": _PERSON, "encounter": _VISIT, "used_on": _DAY},
        keys=("key", "reverses", "against"),
        what="items",
    ),
    "charge": Shape(effects.Charge, _BILL, what="item"),
    "credit": Shape(effects.Credit, _BILL, keys=("key", "reverses"), what="item"),
    "procure": Shape(effects.Procure, {"location": _TEXT_NEEDED, "by": _DAY}, what="items"),
    "encounter": Shape(
        effects.Encounter,
        {"subject": msgspec.structs.replace(_PERSON, required=True), "kind": _KIND, "location": _TEXT},
    ),
    "product": Shape(
        effects.Product,
        {
            "code": _TEXT_NEEDED,
            "name": _TEXT,
            "kind": Want(words=("goods", "consumable", "service")),
            "unit": _TEXT,
            "barcode": _TEXT,
            "tracking": Want(words=("none", "lot", "serial")),
            "expires": _YES_NO,
            "status": _STATUS,
        },
        clearable=("barcode",),
        statement=frozenset({"name", "kind", "unit", "barcode", "tracking", "expires", "status", "cleared"}),
    ),
    "offer": Shape(
        effects.Offer,
        {
            "code": _TEXT_NEEDED,
            "vendor": _TEXT_NEEDED,
            "unit": _TEXT,
            "price": Want(Money),
            "package_quantity": Want(Decimal),
            "vendor_code": _TEXT,
            "primary": _YES_NO,
        },
        clearable=("vendor_code",),
    ),
    "price": Shape(
        effects.Price,
        {
            "code": _TEXT_NEEDED,
            "price": Want(Money, required=True),
            "price_list": _TEXT,
            "from_quantity": _COUNT,
            "valid_from": _DAY,
            "valid_until": _DAY,
        },
    ),
    "stocking": Shape(
        effects.Stocking,
        {
            "code": _TEXT_NEEDED,
            "location": _TEXT_NEEDED,
            "reorder_point": _COUNT,
            "reorder_amount": _COUNT,
            "unit": _TEXT,
            "status": _STATUS,
        },
        clearable=("reorder_point", "reorder_amount"),
        statement=frozenset({"reorder_point", "reorder_amount", "status", "cleared"}),
    ),
    "lot": Shape(
        effects.Lot,
        {
            "code": _TEXT_NEEDED,
            "lot": Want(required=True, check=check_lot),
            "expires": _DAY,
            "on_hand": _COUNT,
            "unit": _TEXT,
            "location": _TEXT,
        },
        clearable=("expires",),
    ),
}

_WHOLE = {
    "credit": Shape(effects.Credit, {**_BILL, "encounter": _VISIT}, keys=("key", "reverses")),
    "consume": msgspec.structs.replace(_SHAPES["consume"], what=""),
}
"""What takes back all that stands needs to say neither what nor whose."""


def words_of(kind: str, name: str, text: str) -> tuple[str, ...]:
    """The words among which `text` is one, where the field `name` of the effect `kind` may say a word instead
    of an expression; empty: it is an expression."""
    fields = _SHAPES[kind].fields if kind in _SHAPES else {}
    words = fields[name].words if name in fields else ()
    return words if text in words else ()


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
    shape = _WHOLE[kind] if whole else _SHAPES[kind]
    for name in shape.keys:
        below = kind == "release" or (whole and kind == "consume" and name == "reverses")
        draft.key(name, space="" if kind == "encounter" else space, below=below)
    for name, want in {**shape.fields, "company": _TEXT}.items():
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
        for part, want in _ITEM.items():
            self.field(part, want)
        parts = {part: self.values.pop(part) for part in _ITEM if part in self.values}
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
