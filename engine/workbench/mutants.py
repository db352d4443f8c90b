"""Mutants of a channel file: the file as it is with one thing changed, as a slip of the hand would change it.

Only what decides about messages is changed: which are taken, how they are answered, what becomes of them. An
address, a limit or an owner shows in no case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from engine.config.finding import Place
from engine.config.reading import Node
from engine.config.spec import EFFECTS, ChannelSpec, CourseSpec, FhirSource, FolderSource, MllpSource, rules
from engine.transforms.shapes import words_of
from engine.workbench.changing import Change, Sought, changes_of_key, changes_of_text, other
from engine.workbench.mutant import DROPPED, Mutant, changed, renamed

__all__ = ["mutants_of"]

Columns = Mapping[str, Sequence[str]]

_KEYS: Final = frozenset({"key", "reverses", "against"})
_LISTED: Final = ("message_types", "processing_ids", "versions")
_ANSWERS: Final = (
    "acknowledge", "respond", "ack_mode", "control_id", "filtered", "charset_strict", "app_ack",
)  # fmt: skip
_SEEN: Final = frozenset({"create", "update", "delete"})
"""Interactions that a case can tell from others: what is only read becomes nothing."""

_SOURCES: Final[Mapping[str, type[BaseModel]]] = {
    "mllp": MllpSource, "folder": FolderSource, "fhir": FhirSource,
}  # fmt: skip
_OPPOSITES: Final = {"present": "absent", "absent": "present", "yes": "no", "no": "yes"}
_STEPS: Final = ("filters", "warnings")


def mutants_of(data: Node, columns: Columns) -> Iterator[Mutant]:
    """The mutants of a channel file that was read as `data`; `columns` are those of its tables, by name."""
    assert isinstance(data, dict)  # noqa: S101 - a channel that loads
    for place, change in _changes(data, columns):
        yield Mutant(place, change.said, change.offset, changed(data, place, change.text))
    for place, said in _dropped(data):
        yield Mutant(place, said, 0, changed(data, place, DROPPED), on_key=isinstance(place[-1], str))
    for place, to, said in _replaced(data):
        yield Mutant(place, said, 0, changed(data, place, to))
    for place, test in _tests(data):
        tests = _at(data, place)
        asked = [tests[test]] if isinstance(tests[test], str) else tests[test]
        sought = Sought(columns, [word for word in asked if word not in ("present", "absent")])
        for change in changes_of_text(test, sought):
            if change.text not in tests:  # asked twice it is one test
                made = renamed(data, place, test, change.text)
                yield Mutant((*place, test), change.said, change.offset, made, on_key=True)


def _changes(data: dict[str, Any], columns: Columns) -> Iterator[tuple[Place, Change]]:
    """Every expression and key of the file (but those of tests), changed."""
    for place, text, is_key in _texts(data):
        sought = Sought(columns)
        found = changes_of_key(text, sought) if is_key else changes_of_text(text, sought)
        yield from ((place, change) for change in found)


def _texts(data: dict[str, Any]) -> Iterator[tuple[Place, str, bool]]:
    """Expressions, and keys."""
    yield ("sequence_by",), data["sequence_by"], False
    for name, text in data.get("values", {}).items():
        if isinstance(text, str):
            yield ("values", name), text, False
            continue
        for number, given in enumerate(text["with"]):
            yield ("values", name, "with", number), given, False
    for name, text in data.get("course", {}).items():
        if not _choices(CourseSpec, name):
            yield ("course", name), text, False
    for place, kind, name, text in _fields(data):
        if not words_of(kind, name, text) and not _choices(_model(kind), name) and isinstance(text, str):
            yield place, text, name in _KEYS


def _fields(data: dict[str, Any]) -> Iterator[tuple[Place, str, str, Any]]:
    """Every field of every effect: place, effect, name, what it says."""
    for number, rule in enumerate(data["effects"]):
        for kind in EFFECTS:
            for name, said in rule.get(kind, {}).items():
                yield ("effects", number, kind, name), kind, name, said


def _tests(data: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    """Every test of every condition: the place of `when`, and the expression."""
    for list_ in (*_STEPS, "effects"):
        for number, step in enumerate(data.get(list_, ())):
            for test in step.get("when", {}):
                yield (list_, number, "when"), test


def _dropped(data: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    """What can be left out: steps, rules, tests, fields, keys."""
    for list_, word in (("filters", "filter"), ("warnings", "warning"), ("effects", "rule")):
        for number, step in enumerate(data.get(list_, ())):
            yield (list_, number), f"{word} dropped"
            if "for_each" in step:
                yield (list_, number, "for_each"), "for_each dropped"
    for place, test in _tests(data):
        yield (*place, test), f"test of {test} dropped"
        values = _listed(_at(data, (*place, test)))
        yield from (((*place, test, at), f"{value} dropped") for at, value in values)
    for place, _, name, _ in _fields(data):
        yield place, f"{name} dropped"
    yield from _dropped_keys(data)


def _dropped_keys(data: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    yield from ((("course", name), f"{name} dropped") for name in data.get("course", {}))
    yield from (((name,), f"{name} dropped") for name in ("authority", "key_space") if name in data)
    privacy = data.get("privacy", {})
    lists: list[tuple[Place, Sequence[Any]]] = [
        *(((name,), data.get(name, ())) for name in ("required", "widen")),
        *((("privacy", name), privacy.get(name, ())) for name in ("narrow", "known_words")),
        *((("authorities", name), spellings) for name, spellings in data.get("authorities", {}).items()),
    ]
    yield from (
        ((*place, at), f"entry {at + 1} dropped") for place, entries in lists for at in range(len(entries))
    )
    kind, source = next(iter(data["source"].items()))
    for name in _LISTED:
        entries = _listed(source.get(name, ""))
        yield from ((("source", kind, name, at), f"{word} dropped") for at, word in entries)
    for type_, can in source.get("resources", {}).items():
        yield ("source", kind, "resources", type_), f"{type_} dropped"
        seen = (at for at, word in enumerate(can) if word in _SEEN)
        yield from ((("source", kind, "resources", type_, at), f"{can[at]} dropped") for at in seen)


def _listed(value: Any) -> Iterator[tuple[int, str]]:
    """The entries of a list of several."""
    yield from enumerate(value) if isinstance(value, list) and len(value) > 1 else ()


def _replaced(data: dict[str, Any]) -> Iterator[tuple[Place, Any, str]]:
    """Words of a closed set, and the others of it."""
    for place, now, choices in _words(data):
        for word in _told_apart(place, now, choices):
            if word != now:
                yield place, word, f"{now} becomes {word or 'nothing'}"
    for place, test in _tests(data):
        wanted = _at(data, (*place, test))
        if isinstance(wanted, str) and wanted in _OPPOSITES:
            yield (*place, test), _OPPOSITES[wanted], f"{wanted} becomes {_OPPOSITES[wanted]}"
    kind, source = next(iter(data["source"].items()))
    if "timezone" in source:
        yield ("source", kind, "timezone"), "Asia/Kathmandu", "another time zone"
    for name, uri in data.get("systems", {}).items():
        yield ("systems", name), other(uri), "another system"


def _told_apart(place: Place, now: str, choices: Sequence[str]) -> Sequence[str]:
    """Those of the words that a case tells apart: an answer that waits is one that waits, however long."""
    if place[-1] != "acknowledge":
        return choices
    return ("transform",) if now == "storage" else ("storage",)


def _words(data: dict[str, Any]) -> Iterator[tuple[Place, str, Sequence[str]]]:
    """Words of the file that are one of a few: place, word, and the few."""
    kind, source = next(iter(data["source"].items()))
    model = _SOURCES[kind]
    parts: list[tuple[Place, dict[str, Any], type[BaseModel], Iterable[str]]] = [
        (("source", kind), source, model, _ANSWERS),
        ((), data, ChannelSpec, ("no_effect", "validate")),
        (("course",), data.get("course", {}), CourseSpec, data.get("course", {})),
    ]
    for place, part, of, names in parts:
        yield from (((*place, name), part[name], _choices(of, name)) for name in names if name in part)
    for name, obeys in data.get("privacy", {}).get("flags", {}).items():
        yield ("privacy", "flags", name), obeys, ("block", "restrict", "pass")
    for place, effect, name, said in _fields(data):
        if isinstance(said, str):
            yield place, said, words_of(effect, name, said) or _choices(_model(effect), name)


def _choices(model: type[BaseModel], name: str) -> Sequence[str]:
    """The words that a field of the file may have; empty: any."""
    field = model.model_fields.get({"validate": "validation"}.get(name, name))
    annotation = field.annotation if field else None
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if annotation is bool:
        return ("yes", "no")
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _model(kind: str) -> type[BaseModel]:
    """The model of an effect's fields."""
    model: type[BaseModel] = getattr(rules, f"{kind.capitalize()}Rule")
    return model


def _at(data: Any, place: Place) -> Any:
    for step in place:
        data = data[step]
    return data
