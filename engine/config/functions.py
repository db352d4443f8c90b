"""Functions of channels: `functions/NAME.py` beside the channel files, found, looked at, loaded and held
against what calls them (docs/manual/functions.md)."""

from __future__ import annotations

import ast
import hashlib
import stat
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any

from engine.config.finding import Finding, Place, Problem
from engine.config.function_source import MAX_BYTES, MODULES, asks, checked_source, defined
from engine.config.positions import Positions
from engine.config.spec import ChannelSpec
from engine.config.spec.values import CallSpec
from engine.effects import Item
from engine.transforms.function import TYPES, Function, Parameter
from engine.transforms.wording import meant

__all__ = ["FUNCTIONS", "called", "functions_of", "module_of", "source_of"]

FUNCTIONS = "functions"
"""The folder of functions and their tests, beside the channel files."""

_SAID = "str, Decimal, date, datetime, Money, tuple[Item, ...]"
_LIST = tuple[Item, ...]


def called(spec: ChannelSpec) -> list[str]:
    """The functions that a channel calls."""
    return list(dict.fromkeys(one.call for one in spec.values.values() if isinstance(one, CallSpec)))


def functions_of(
    spec: ChannelSpec, folder: Path, positions: Positions
) -> tuple[dict[str, Function], list[Finding]]:
    """The functions that a channel calls and that could be loaded, by name. Findings are about the
    channel's line that names one, or about a line of its file."""
    functions: dict[str, Function] = {}
    findings: list[Finding] = []
    for name, said in spec.values.items():
        if not isinstance(said, CallSpec) or said.call in functions:
            continue
        path = folder / FUNCTIONS / f"{said.call}.py"
        if not path.is_file():
            there = [
                file.stem for file in sorted(path.parent.glob("*.py")) if not file.stem.startswith("test_")
            ]
            place: Place = ("values", name, "call")
            text = f"there is no file {FUNCTIONS}/{said.call}.py"
            findings.append(positions.finding(Problem(place, text, meant(said.call, there))))
            continue
        function, found = _loaded(path, said.call)
        findings += found
        if function is not None:
            functions[said.call] = function
    return functions, findings


def source_of(path: Path) -> bytes:
    """At most one byte more than a file may have, so that it is found to be too large."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def module_of(tree: ast.Module, name: str, made_of: bytes) -> ModuleType:
    """What a file defines, under a name of its own: loaded once for the same source, `made_of`. Raises what
    that raises."""
    private = f"_wardline_function_{hashlib.sha256(name.encode() + made_of).hexdigest()}"
    if private not in sys.modules:
        module = ModuleType(private)
        sys.modules[private] = module  # dataclasses look for it there
        try:
            exec(compile(tree, _called(name), "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - its purpose
        except BaseException:
            del sys.modules[private]
            raise
    return sys.modules[private]


def _called(name: str) -> str:
    return f"{FUNCTIONS}/{name}.py"


def _loaded(path: Path, name: str) -> tuple[Function | None, list[Finding]]:
    shown, raw = str(path), source_of(path)
    tree, findings = checked_source(raw, shown)
    findings += _about(path, name)
    if tree is None:
        return None, findings
    node = defined(tree, name, shown)
    if isinstance(node, Finding):
        return None, [*findings, node]
    try:
        module = module_of(tree, name, raw)
        hints = typing.get_type_hints(getattr(module, name))
    except (Exception, SystemExit) as error:
        text, hint = f"loading it raised {type(error).__name__}", "run its test"
        return None, [*findings, Finding(shown, node.lineno, node.col_offset + 1, text, hint)]
    typed = _typed(node, hints, shown)
    if isinstance(typed, list):
        return None, findings + typed
    return Function(name, *typed, getattr(module, name), _called(name), raw), findings


def _about(path: Path, name: str) -> Iterator[Finding]:
    """What is wrong with a function whatever it does."""
    test = path.parent / f"test_{name}.py"
    hint = f"{FUNCTIONS}/test_{name}.py: def test_…, with assert"
    if not test.is_file():
        yield Finding(str(path), 1, 1, f"the function {name} has no test", hint)
    elif not asks(source_of(test), name):
        yield Finding(str(test), 1, 1, f"these tests assert nothing of {name}", f"assert {name}(…) == …")
    if name in MODULES:
        yield Finding(str(path), 1, 1, f"{name} is a module of Python", "choose another name")
    if path.stat().st_mode & stat.S_IWOTH:
        yield Finding(
            str(path), 1, 1, "everyone on this machine may change this file", "chmod o-w", "warning"
        )


def _typed(
    node: ast.FunctionDef, hints: dict[str, Any], shown: str
) -> tuple[tuple[Parameter, ...], type] | list[Finding]:
    """The types of what a function takes and gives, or what is wrong with them."""
    findings: list[Finding] = []

    def one(name: str, at: ast.AST, called: str) -> tuple[type, bool]:
        found = _type(hints.get(name))
        if found is None:
            how = "has no type" if name not in hints else "has a type that no value has"
            line, column = getattr(at, "lineno", 1), getattr(at, "col_offset", 0) + 1
            findings.append(
                Finding(shown, line, column, f"{called} {how}", f"one of {_SAID}; or that | None")
            )
        return found or (str, False)

    given = node.args
    if given.vararg or given.kwarg or given.kwonlyargs:
        text = f"{node.name} takes more than named parameters"
        findings.append(Finding(shown, node.lineno, node.col_offset + 1, text, "write each out"))
    parameters = tuple(
        Parameter(each.arg, *one(each.arg, each, each.arg)) for each in (*given.posonlyargs, *given.args)
    )
    gives, _ = one("return", node, f"what {node.name} gives")
    return findings or (parameters, gives)


def _type(hint: object) -> tuple[type, bool] | None:
    """The type that an annotation names, and whether it may be None."""
    several = typing.get_origin(hint) in (typing.Union, UnionType)
    parts = [part for part in typing.get_args(hint) if part is not NoneType] if several else [hint]
    if len(parts) != 1:
        return None
    if parts[0] == _LIST:
        return tuple, several
    found = next((one for one in TYPES if one is parts[0] and one is not tuple), None)
    return None if found is None else (found, several)
