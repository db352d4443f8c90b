"""The source of functions, looked at before any of it runs.

A function computes: it reads no file and no clock, talks to nobody and remembers nothing, so that a message
gives the same effects however often and wherever it is routed. This is no sandbox: who may deploy channels
may deploy code. It keeps an honest author on the path, and shows a reviewer all that a function can reach.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from engine.config.finding import Finding
from engine.transforms.wording import listed, meant

__all__ = ["MAX_BYTES", "MODULES", "asks", "checked_source", "defined"]

MAX_BYTES: Final = 64 * 1024

MODULES: Final = frozenset(
    {
        "__future__", "collections", "collections.abc", "dataclasses", "datetime", "decimal",
        "engine.effects", "enum", "fractions", "itertools", "math", "operator", "re", "string", "typing",
    }
)  # fmt: skip
"""What a function's file may import."""

_NO_NAMES: Final = {
    **dict.fromkeys(("open", "print", "input", "breakpoint"), "a function reads and writes nothing"),
    **dict.fromkeys(("eval", "exec", "compile", "globals", "locals", "vars"), "a function runs no text"),
    **dict.fromkeys(("getattr", "setattr", "delattr"), "a function names what it uses"),
}
_SYNTAX: Final = "python -m py_compile shows the line"
_NO_CLOCK: Final = frozenset({"now", "today", "utcnow"})
_TOP: Final = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign,
)  # fmt: skip


def asks(raw: bytes, name: str) -> bool:
    """Whether a test calls the function `name` and asserts something that is not a constant: else it cannot
    fail. One that is no Python says so when it is run."""
    try:
        nodes = list(ast.walk(ast.parse(raw)))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return True
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    calls = any(name in (getattr(one, "id", ""), getattr(one, "attr", "")) for one in called)
    held = any(isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant) for node in nodes)
    return calls and held


def checked_source(raw: bytes, shown: str, also: str = "") -> tuple[ast.Module | None, list[Finding]]:
    """The source as a tree and what is wrong with it, in the order of its lines; no tree for what must not
    run. `also` is one more module that it may import: the one that a test is of."""
    if len(raw) > MAX_BYTES:
        return None, [Finding(shown, 1, 1, f"the file is larger than {MAX_BYTES // 1024} KiB", "split it")]
    try:
        tree = ast.parse(raw, shown)
    except SyntaxError as error:
        text = "this is not Python: " + (error.msg or "").partition(":")[0]
        return None, [Finding(shown, error.lineno or 1, error.offset or 1, text, _SYNTAX)]
    except (MemoryError, RecursionError):
        return None, [Finding(shown, 1, 1, "this is nested too deep", "write it in steps")]
    except ValueError:
        return None, [Finding(shown, 1, 1, "this is not Python: a NUL byte", "save the file as UTF-8")]
    findings = sorted(
        Finding(shown, getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1, text, hint)
        for node, text, hint in _wrong(tree, MODULES | {also})
    )
    return (None if findings else tree), findings


def defined(tree: ast.Module, name: str, shown: str) -> ast.FunctionDef | Finding:
    """The function of this name in a file, or what to say when it has none."""
    there = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if name in there:
        return there[name]
    return Finding(shown, 1, 1, f"the file has no function {name}", meant(name, there) or f"def {name}(…)")


def _wrong(tree: ast.Module, modules: frozenset[str]) -> Iterator[tuple[ast.AST, str, str]]:
    for number, node in enumerate(tree.body):
        is_docstring = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not isinstance(node, _TOP) and not is_docstring:
            yield node, "this has no place outside of a function", "imports, constants, def"
    for inner in ast.walk(tree):
        yield from _imported(inner, modules)
        yield from _named(inner)


def _imported(node: ast.AST, modules: frozenset[str]) -> Iterator[tuple[ast.AST, str, str]]:
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = ["." * node.level + (node.module or "")]
    for name in names:
        if name not in modules:
            yield node, f"{name} is not for functions", listed(sorted(modules - {"", "__future__"}))


def _named(node: ast.AST) -> Iterator[tuple[ast.AST, str, str]]:
    if isinstance(node, ast.Name | ast.Attribute):
        name = node.id if isinstance(node, ast.Name) else node.attr
        if isinstance(node, ast.Name) and name in _NO_NAMES:
            yield node, f"{name}: {_NO_NAMES[name]}", "give it what it needs as a value"
        elif isinstance(node, ast.Attribute) and name in _NO_CLOCK:
            yield node, f"{name}: a function has no clock", "give it a time of the message: MSH-7 | timestamp"
        elif name.startswith("__"):
            yield node, f"{name}: what Python keeps to itself is not for functions", "name what is meant"
    elif isinstance(node, ast.Global | ast.Nonlocal):
        yield node, "a function remembers nothing from one message to the next", "give it what it needs"
    elif isinstance(node, ast.AsyncFunctionDef):
        yield node, "a function waits for nothing", "def, without async"
