"""`code(system, …)`: the code of a whole field (CE, CWE, CNE) together with its coding system.

    item: FT1-7 or FT1-34 or FT1-25 | code(CDM, L) | lookup(items, item)

Two systems may use one code for two things, so a code is matched with its system (HL7 v2.9.1 chapter 2A,
CWE). A field whose third component is empty or one of the systems named gives the bare code, `270001`; any
other gives `80053^C4`, which is how a table lists it. A field without a code may have an alternate one (its
components 4 and 6). The first populated field of several speaks.

A procedure (FT1-25, PR1-3, OBR-44) is only whole with its modifiers (FT1-26, PR1-16, OBR-45), whose order
means something: `27447-RT-59^C4`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from engine.errors import Unacceptable
from engine.transforms.expression import Call, Flaw, PathText
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, positional

__all__ = ["CODE"]

_WHOLE_FIELD = re.compile(r"(?P<field>[A-Z][A-Z0-9]{2}(?:\[\d+\])?-\d+)(?:\[\d+\])?")
_MODIFIED_BY = {"FT1-25": "FT1-26", "PR1-3": "PR1-16", "OBR-44": "OBR-45"}
_MOST = 10
"""Modifiers of one procedure; a claim has four."""

Modified = Callable[[Scope], str] | None


def _build(call: Call, setting: Setting, before: Before) -> Value:
    if setting.fhir:
        raise Flaw("a code is read from whole fields", call.offset, "in FHIR choose it: ChargeItem.code[cdm]")
    own = frozenset(argument.text for argument in positional(call, 0, 8, "write it like code(CDM)"))
    fields = tuple(code for path in before.paths for code in _codes(path, call, setting))
    if not fields or len(before.alternatives) < len(before.paths):
        raise Flaw("a code is read from whole fields", call.offset, "write it like FT1-7 | code(CDM)")
    otherwise = before.value

    def code(scope: Scope) -> str | None:
        for bare, system, modified in fields:
            found = bare(scope)
            if found is not None:
                if modified is not None:
                    found += modified(scope)
                named = system(scope)
                return found if named is None or named in own else f"{found}^{named}"
        fallback: str | None = otherwise(scope)
        return fallback

    return code


def _codes(path: PathText, call: Call, setting: Setting) -> Iterator[tuple[Value, Value, Modified]]:
    """How a field's code, its system and its modifiers are read; then the alternate code's."""
    whole = _WHOLE_FIELD.fullmatch(path.text)
    if whole is None:
        raise Flaw("a code is read from whole fields", call.offset, "write it like FT1-7 | code(CDM)")

    def read(text: str) -> Value:
        return setting.value(msgspec.structs.replace(path, text=text), "value")

    modified: Modified = None
    name = re.sub(r"\[\d+\]", "", whole["field"])
    if name in _MODIFIED_BY:
        modifier = whole["field"].rpartition("-")[0] + "-" + _MODIFIED_BY[name].partition("-")[2]
        modified = _modified([read(f"{modifier}[{number}].1") for number in range(1, _MOST + 2)])
    yield setting.field(path, "value").value, read(f"{path.text}.3"), modified
    yield read(f"{path.text}.4"), read(f"{path.text}.6"), modified


def _modified(modifiers: list[Value]) -> Callable[[Scope], str]:
    def suffix(scope: Scope) -> str:
        found = [one for one in (modifier(scope) for modifier in modifiers) if one is not None]
        if len(found) > _MOST:
            raise Unacceptable("bad-value", "", f"more than {_MOST} modifiers of one procedure", hl7=102)
        return "".join(f"-{one}" for one in found)

    return suffix


CODE = Verb("code", str, str, _build, costly=True)
