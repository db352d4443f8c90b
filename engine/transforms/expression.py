"""The expression language of channel files: text becomes a small tree, and nothing is executed.

    expression = value { "|" call }               FT1-7.1 | lookup(items, item)
    value      = source { "or" source }           PV1-19 or PID-18 | upper
    source     = part { "+" part }                RQD-6.1 + RQD-4.1
    part       = path | name | call "(" … ")"     literal(WH/Stock)
    call       = name [ "(" [ argument { "," argument } ] ")" ]
    argument   = [ text ":" ] text                map(I: inpatient, else: other)
    text       = words without , : ( ) | { } ' or anything 'quoted' ('' is one quote)
    key        = text with "{" expression "}"; "{{" and "}}" are braces

There is no nesting, so depth is constant; length and counts are bounded. Verbs are looked up in a
closed table (`engine.transforms.verbs`), paths are parsed by `engine.hl7` and `engine.fhir`, names are
those of the channel's values (`engine.transforms.values`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from engine.errors import Misconfigured

__all__ = [
    "MAX_LENGTH",
    "Argument",
    "Call",
    "Calling",
    "Expression",
    "Flaw",
    "Joined",
    "PathText",
    "Source",
    "Template",
    "parse",
    "parse_key",
    "parts_of",
    "paths_in",
]

MAX_LENGTH = 800
MAX_PARTS = 8
MAX_ALTERNATIVES = 12
"""Alternatives, parts of one, verbs, or expressions of one key."""

MAX_ARGUMENTS = 64


class Flaw(Misconfigured):
    """A text of the channel file cannot be compiled; `offset` counts characters into it."""

    def __init__(self, text: str, offset: int, hint: str = "") -> None:
        super().__init__(text, hint=hint)
        self.offset = offset


class PathText(msgspec.Struct, frozen=True):
    """A field path, or the name of a value, as it is written; whether it is one is said elsewhere."""

    text: str
    offset: int


class Argument(msgspec.Struct, frozen=True):
    """What stands between the commas of a call. `name` is what stood before a colon, or None."""

    text: str
    offset: int
    name: str | None = None


class Call(msgspec.Struct, frozen=True):
    """A verb and what it is given."""

    name: str
    offset: int
    arguments: tuple[Argument, ...] = ()

    def __str__(self) -> str:
        given = (f"{one.name}: {one.text}" if one.name is not None else one.text for one in self.arguments)
        return f"{self.name}({', '.join(given)})" if self.arguments else self.name


class Calling(Call, frozen=True):
    """A value that is a function of the channel's, and the expressions that it is given (a channel file
    writes them as a list, so `parse` never makes one). `arguments` are those as they are written."""

    given: tuple[Expression, ...] = ()


class Joined(msgspec.Struct, frozen=True):
    """Several that make one code, `BX/270001`; empty unless all hold something."""

    parts: tuple[PathText | Call, ...]


Source = PathText | Call | Joined


class Expression(msgspec.Struct, frozen=True):
    """The first populated of `sources`, sent through `verbs`."""

    sources: tuple[Source, ...]
    verbs: tuple[Call, ...]
    offset: int


class Template(msgspec.Struct, frozen=True):
    """A key: texts and expressions in turn."""

    parts: tuple[str | Expression, ...]


def parts_of(source: Source) -> tuple[PathText | Call, ...]:
    """What is joined in a source: itself when nothing is."""
    return source.parts if isinstance(source, Joined) else (source,)


def paths_in(expression: Expression) -> Iterator[PathText]:
    """Every path that an expression names, also in what a function is given."""
    for source in expression.sources:
        for part in parts_of(source):
            if isinstance(part, PathText):
                yield part
            elif isinstance(part, Calling):
                for given in part.given:
                    yield from paths_in(given)


_BLANK = re.compile(r"[ \t]*")
_NAME = re.compile(r"[a-z][a-z_]{0,30}(?![\w-])")
_CALL = re.compile(r"[a-z][a-z_]{0,30}[ \t]*\(")
_PATH = re.compile(r"[^\s|,{}':]+")
_WORDS = re.compile(r"[^,:()|{}']+")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_OR = re.compile(r"or(?=[ \t])")
_PLUS = re.compile(r"\+(?=[ \t])")
_PLAIN = re.compile(r"(?:[^{}]|\{\{|\}\})+")


def parse(text: str) -> Expression:
    """The expression that `text` is. Raises `Flaw` with the offset of what cannot be read."""
    scanner = _Scanner(text)
    expression = scanner.expression()
    scanner.end()
    return expression


def parse_key(text: str) -> Template:
    """The key template that `text` is. Raises `Flaw` with the offset of what cannot be read."""
    scanner = _Scanner(text)
    parts: list[str | Expression] = []
    while scanner.at < len(text):
        plain = scanner.take(_PLAIN)
        if plain:
            parts.append(plain.replace("{{", "{").replace("}}", "}"))
        elif scanner.skip("{"):
            parts.append(scanner.expression())
            scanner.need("}", "close the expression with }")
        else:
            raise Flaw("a } without its {", scanner.at, "a brace that is meant as text is written twice")
    if len(parts) > 2 * MAX_PARTS:
        raise Flaw(f"a key may have {MAX_PARTS} expressions", 0, "fewer tell it apart as well")
    return Template(tuple(parts))


class _Scanner:
    """A place in a text that moves forward. Each rule of the grammar is a method."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise Flaw(f"longer than {MAX_LENGTH} characters", MAX_LENGTH, "name parts of it under values:")
        self.text = text
        self.at = 0

    def take(self, pattern: re.Pattern[str]) -> str:
        """What `pattern` matches here, stepped over; empty when it does not."""
        found = pattern.match(self.text, self.at)
        if not found:
            return ""
        self.at = found.end()
        return found.group()

    def skip(self, character: str) -> bool:
        """Step over `character`, with the blanks around it, when it comes next."""
        start = self.at
        self.take(_BLANK)
        if self.text.startswith(character, self.at):
            self.at += len(character)
            return True
        self.at = start
        return False

    def need(self, character: str, hint: str) -> None:
        if not self.skip(character):
            raise Flaw(f"expected {character} {self._here()}", self.at, hint)

    def end(self) -> None:
        self.take(_BLANK)
        if self.at < len(self.text):
            raise Flaw(f"did not expect more {self._here()}", self.at, "verbs follow a | each")

    def expression(self) -> Expression:
        self.take(_BLANK)
        start = self.at
        sources = [self._source()]
        while self._between(_OR):
            sources.append(self._source())
        verbs = []
        while self.skip("|"):
            verbs.append(self._call())
        if len(sources) > MAX_ALTERNATIVES or len(verbs) > MAX_PARTS:
            most = f"{MAX_ALTERNATIVES} alternatives and {MAX_PARTS} verbs"
            raise Flaw(f"an expression may have {most}", start, "a table and lookup say more")
        return Expression(tuple(sources), tuple(verbs), start)

    def _between(self, word: re.Pattern[str]) -> bool:
        """Step over `word` when it stands here with blanks around it."""
        start = self.at
        if self.take(_BLANK) and self.take(word):
            return True
        self.at = start
        return False

    def _source(self) -> Source:
        start = self.at
        parts = [self._part()]
        while self._between(_PLUS):
            parts.append(self._part())
        if len(parts) > MAX_PARTS:
            raise Flaw(f"a code may have {MAX_PARTS} parts", start, "join fewer")
        return parts[0] if len(parts) == 1 else Joined(tuple(parts))

    def _part(self) -> PathText | Call:
        self.take(_BLANK)
        if _CALL.match(self.text, self.at):
            return self._call()
        start = self.at
        text = self.take(_PATH)
        if not text:
            raise Flaw(f"expected a field path {self._here()}", start, "such as PV1-19 or FT1-7.1")
        return PathText(text, start)

    def _call(self) -> Call:
        self.take(_BLANK)
        start = self.at
        name = self.take(_NAME)
        if not name:
            raise Flaw(f"expected the name of a verb {self._here()}", start, "such as | number")
        arguments: list[Argument] = []
        if self.skip("(") and not self.skip(")"):
            arguments.append(self._argument())
            while self.skip(","):
                arguments.append(self._argument())
            self.need(")", "close the arguments with )")
        if len(arguments) > MAX_ARGUMENTS:
            raise Flaw(f"a verb may have {MAX_ARGUMENTS} arguments", start, "use lookup and a table instead")
        return Call(name, start, tuple(arguments))

    def _argument(self) -> Argument:
        text, start = self._word()
        if not self.skip(":"):
            return Argument(text, start)
        value, start = self._word()
        return Argument(value, start, text)

    def _word(self) -> tuple[str, int]:
        self.take(_BLANK)
        start = self.at
        quoted = self.take(_QUOTED)
        if quoted:
            return quoted[1:-1].replace("''", "'"), start
        words = self.take(_WORDS).strip()
        if not words:
            raise Flaw(f"expected a text {self._here()}", start, "put signs and empty text in 'quotes'")
        return words, start

    def _here(self) -> str:
        return "here" if self.at < len(self.text) else "at the end"
