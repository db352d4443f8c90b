"""Which codes the expressions of a draft would look up in a table, were it there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from engine.config.cases.aliases import AliasBook
from engine.config.spec import EFFECTS, ChannelSpec
from engine.errors import Misconfigured, Unacceptable
from engine.fhir.document import Resource
from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.privacy.fhir_readers import FhirReaders
from engine.privacy.harvest import Seen
from engine.privacy.matching import Identities
from engine.privacy.readers import Readers
from engine.transforms.compiling import Compiled, compile_expression
from engine.transforms.condition import Condition, compile_condition
from engine.transforms.expression import Expression, parse
from engine.transforms.scope import Part, Scope
from engine.transforms.setting import Setting, Table
from engine.transforms.values import Values

__all__ = ["Asked", "codes_of"]

_LOOKUPS = frozenset({"lookup", "find", "kit"})
_BRACED = re.compile(r"\{([^{}]+)\}")


class Asked(NamedTuple):
    """Codes in the order in which they come, each with the columns that are wanted of it; `withheld` is how
    many were left out because they hold what identifies somebody."""

    columns: dict[str, list[str]]
    withheld: int


class _Use(NamedTuple):
    """A look-up: for which groups, under which conditions, which column, and the codes it may ask for."""

    anchor: str
    conditions: Sequence[Condition]
    column: str
    codes: Sequence[Compiled]


def codes_of(
    spec: ChannelSpec,
    table: str,
    known: Mapping[str, Table],
    views: Sequence[tuple[Document | Resource, Sequence[Seen]]],
    readers: Readers | FhirReaders,
) -> Asked:
    """The codes that the rules of a channel would look up in `table` for these messages, each with what
    identifies somebody in it. `known` are tables that are there already: conditions that need others are not
    looked at."""
    work = _Uses(spec, table, Setting(readers, known, values=Values(spec.values)), known)
    uses = list(work.uses())
    found: dict[str, list[str]] = {}
    withheld: set[str] = set()
    for view, seen in views:
        identities = Identities(seen)
        for column, code in _in(view, uses, work.setting.slots):
            if identities.row_in(code):
                withheld.add(code)
            elif column not in found.setdefault(code, []):
                found[code].append(column)
    return Asked(found, len(withheld))


class _Uses:
    def __init__(self, spec: ChannelSpec, table: str, setting: Setting, known: Mapping[str, Table]) -> None:
        self.setting = setting
        self._spec, self._table, self._known = spec, table, known

    def uses(self) -> Iterator[_Use]:
        for rule in self._spec.effects:
            conditions = list(self._conditions(rule.when))
            for text in _texts(rule.model_dump(exclude_none=True), rule.when):
                yield from self._lookups(rule.for_each or "", conditions, text)

    def _conditions(self, tests: Any) -> Iterator[Condition]:
        for text, wanted in tests.items():
            calls = {
                (call.name, call.arguments[0].text) for call in self._written(text).verbs if call.arguments
            }
            if all(name not in _LOOKUPS or table in self._known for name, table in calls):
                yield compile_condition(text, wanted, self.setting)

    def _lookups(self, anchor: str, conditions: list[Condition], text: str) -> Iterator[_Use]:
        with suppress(Misconfigured):  # lint will say what is wrong with it
            written = self._written(text)
            for at, call in enumerate(written.verbs):
                if call.name in _LOOKUPS and call.arguments[0].text == self._table:
                    column = call.arguments[1].text if len(call.arguments) > 1 else "items"
                    sources = written.sources if call.name == "find" else (None,)
                    codes = [
                        compile_expression(
                            Expression((one,) if one else written.sources, written.verbs[:at], 0),
                            self.setting,
                            "value",
                        )
                        for one in sources
                    ]
                    yield _Use(anchor, conditions, column, codes)

    def _written(self, text: str) -> Expression:
        return self.setting.values.written_out(parse(text))


def _texts(rule: dict[str, Any], tests: Any) -> Iterator[str]:
    """The expressions of a rule: its fields, those in its keys, its conditions."""
    for word in EFFECTS:
        for text in rule.get(word, {}).values() if isinstance(rule.get(word), dict) else ():
            if isinstance(text, str):
                yield from _BRACED.findall(text) or [text]
    yield from tests


def _in(view: Document | Resource, uses: Sequence[_Use], slots: int) -> Iterator[tuple[str, str]]:
    message = Scope(view, AliasBook(), slots)
    for use in uses:
        for scope in message.within(_parts(view, use.anchor)) if use.anchor else [message]:
            with suppress(Unacceptable):
                if all(one.holds(scope) for one in use.conditions):
                    code = _first(use.codes, scope)
                    if code:
                        yield use.column, code


def _parts(view: Document | Resource, anchor: str) -> Sequence[Part]:
    return groups(view, anchor) if isinstance(view, Document) else view.groups(anchor)


def _first(codes: Sequence[Compiled], scope: Scope) -> str:
    """The code that is asked for: of several that a table may have, the plainest."""
    found = [code for one in codes if (code := one.value(scope))]
    return min(found, key=lambda code: code.count("/"), default="")
