"""The fields of an effect: what each wants, and how what the channel file says becomes its value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from engine.effects import Money
from engine.errors import Unacceptable
from engine.privacy.rules import Use
from engine.transforms.compiling import Compiled, checked, compile_expression, compile_text, missing
from engine.transforms.expression import Flaw, parse_key
from engine.transforms.quantity import check_quantity
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.verb import constant

__all__ = [
    "LONGEST", "NO_TOKEN", "Want", "check_text", "compile_cleared", "compile_field", "compile_key",
]  # fmt: skip

NO_TOKEN = frozenset({""})
LONGEST = 250
"""Characters of a text in an effect, or of one part of a key."""

_KINDS = {"p": "person", "a": "account", "v": "visit"}


class Want(msgspec.Struct, frozen=True):
    """What a field of an effect holds: a type; tokens of these domains, or no token (`{""}`);
    one of these words; what is checked besides."""

    type: type = str
    required: bool = False
    tokens: frozenset[str] = NO_TOKEN
    words: tuple[str, ...] = ()
    check: Callable[[Any], None] | None = None


def compile_field(text: str, want: Want, setting: Setting) -> Value:
    """The value of a field that says `text`: one of the wanted words, or an expression. Raises `Flaw`."""
    if text in want.words:
        if text in setting.values:
            raise Flaw(f"{text} is a word of this field, and the name of a value", 0, "rename the value")
        return constant(text)
    first = len(setting.reads)
    compiled = compile_text(text, setting, _use(want), want.type)
    if not compiled.tokens <= want.tokens:
        raise _wrong_token(want, setting, first)
    return checked(compiled, required=want.required, check=_check(want))


def _use(want: Want) -> Use:
    return "date" if want.type in (date, datetime) else "value"


def compile_cleared(text: str, want: Want, setting: Setting) -> Callable[[Scope], bool]:
    """Whether the field that says `text` is empty because the message takes it away: nothing that it
    reads holds anything, and one of them is `""`. Raises `Flaw`."""
    compiled = compile_text(text, setting, _use(want), want.type)

    def emptied(scope: Scope) -> bool:
        if any(field.value(scope) is not None for field in compiled.fields):
            return False
        return any(field.deleted(scope) for field in compiled.fields)

    return emptied


def compile_key(text: str, setting: Setting, *, space: str = "", below: bool = False) -> Value:
    """The key that the template `text` writes, within `space`. With `below` it may end in `/*`.

    Different values give different keys: parts are separated by `/`, which is written `%2F` inside
    them. An unpopulated part is `missing-field` at its place. Raises `Flaw`."""
    parts: list[str | Compiled] = [f"{space}/"] if space else []
    between = "/"
    for part in parse_key(text).parts:
        if isinstance(part, str):
            between = part
            parts.append(part)
            continue
        if "/" not in between and any(isinstance(before, Compiled) for before in parts):
            raise Flaw("two parts of a key run together", part.offset, "put a / between them")
        between = ""
        parts.append(compile_expression(part, setting, "value"))
    reads = [part for part in parts if isinstance(part, Compiled)]
    if not reads:
        raise Flaw("the key is the same for every message", 0, "add an identifier, such as {FT1-2}")
    literals = "".join(part for part in parts if isinstance(part, str))
    if "*" in (literals.removesuffix("/*") if below and text.endswith("/*") else literals):
        raise Flaw("a * has no place here", text.find("*"), "only release takes a key that ends in /*")
    segments = frozenset[str]().union(*(read.segments for read in reads))
    return setting.once((text, space), segments, lambda: _joined(parts))


def _joined(parts: Sequence[str | Compiled]) -> Value:
    pieces = [part if isinstance(part, str) else _key_part(part) for part in parts]

    def key(scope: Scope) -> str:
        return "".join([piece if isinstance(piece, str) else piece(scope) for piece in pieces])

    return key


def _key_part(part: Compiled) -> Value:
    value = part.value

    def escaped(scope: Scope) -> str:
        try:  # what `checked` does, without the call
            text: str | None = value(scope)
            if text is None:
                raise missing()
            if len(text) > LONGEST or not text.isprintable():
                check_text(text)
        except Unacceptable as refusal:
            raise part.refused(refusal, scope) from None
        if "/" in text or "%" in text or "*" in text:
            return text.replace("%", "%25").replace("/", "%2F").replace("*", "%2A")
        return text

    return escaped


def _check(want: Want) -> Callable[[Any], None] | None:
    if want.words:
        return _one_of(want.words)
    if want.check:
        return want.check
    if want.type is str:
        return check_text if want.tokens == NO_TOKEN else None
    return _CHECKS.get(want.type)


def check_text(text: str) -> None:
    """Raises `Unacceptable` (`bad-value`, 102) for what is no code: longer than `LONGEST`, not printable."""
    if len(text) > LONGEST:
        raise Unacceptable("bad-value", "", f"longer than {LONGEST} characters", hl7=102)
    if not text.isprintable():
        raise Unacceptable("bad-value", "", "a control character in a code", hl7=102)


def _check_price(price: Money) -> None:
    if price.amount < 0:
        raise Unacceptable("bad-value", "", "a price below zero", hl7=102)


_CHECKS: dict[type, Callable[[Any], None]] = {Decimal: check_quantity, Money: _check_price}


def _one_of(words: tuple[str, ...]) -> Callable[[str], None]:
    def check(word: str) -> None:
        if word not in words:
            raise Unacceptable("unmapped-code", "", f"not one of {', '.join(words)}", hl7=103)

    return check


def _wrong_token(want: Want, setting: Setting, first: int) -> Flaw:
    if want.tokens == NO_TOKEN:
        text = f"{setting.token_among(first)}, and a token has no place here"
        return Flaw(text, 0, "use a code or a location")
    kinds = " or ".join(_KINDS[letter] for letter in sorted(want.tokens))
    example = "ChargeItem.subject or Encounter.identifier" if setting.fhir else "PID-3, PID-18 or PV1-19"
    return Flaw(f"the token of a {kinds} is wanted here", 0, f"such as {example}")
