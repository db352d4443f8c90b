"""The tests of functions: `functions/test_NAME.py`, plain functions with `assert`, run by `wardline test`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from traceback import extract_tb
from types import FunctionType, ModuleType

from engine.config.cases.running import CaseResult
from engine.config.finding import Finding
from engine.config.function_source import checked_source
from engine.config.functions import FUNCTIONS, module_of, source_of

__all__ = ["function_results"]


def function_results(folder: Path) -> list[CaseResult]:
    """The results of the tests of all functions beside channel files, in order. A file that cannot be run
    is a failed result."""
    files = sorted((folder / FUNCTIONS).glob("test_*.py"))
    return [result for path in files for result in _results(path)]


def _results(path: Path) -> Iterator[CaseResult]:
    name = path.stem.removeprefix("test_")
    try:
        module, tests = _read(path, name)
    except _Spoiled as spoiled:
        yield CaseResult(FUNCTIONS, path.stem, str(path), 1, spoiled.findings)
        return
    for test in tests:
        started = perf_counter()
        with _importable(name, module):
            failures = _failures(test, path)
        line = test.__code__.co_firstlineno
        said = f"{name}: {test.__name__}"
        yield CaseResult(FUNCTIONS, said, str(path), line, failures, perf_counter() - started)


class _Spoiled(Exception):
    def __init__(self, *findings: Finding) -> None:
        super().__init__("a test file cannot be run")
        self.findings = findings


def _read(path: Path, name: str) -> tuple[ModuleType, list[FunctionType]]:
    """The function's module and its tests. Raises `_Spoiled`."""
    of = path.with_name(f"{name}.py")
    if not of.is_file():
        raise _Spoiled(Finding(str(path), 1, 1, f"there is no {name}.py beside this test", "remove it"))
    module = _module(of, name)
    with _importable(name, module):
        found = _module(path, path.stem, tests=of)
    tests = [
        one for word, one in vars(found).items() if word.startswith("test_") and isinstance(one, FunctionType)
    ]
    if not tests:
        raise _Spoiled(Finding(str(path), 1, 1, "there is no test in this file", "def test_…(): assert …"))
    return module, tests


def _module(path: Path, name: str, tests: Path | None = None) -> ModuleType:
    """What a file defines; `tests` is the file that it tests."""
    raw = source_of(path)
    tree, findings = checked_source(raw, str(path), tests.stem if tests else "")
    if tree is None:
        raise _Spoiled(*findings)
    try:
        return module_of(tree, name, raw + source_of(tests) if tests else raw)
    except (Exception, SystemExit) as error:
        raise _Spoiled(
            Finding(str(path), 1, 1, f"loading it raised {type(error).__name__}", f"look at {name}")
        ) from None


@contextmanager
def _importable(name: str, module: ModuleType) -> Iterator[None]:
    """Let a test import its function by name, for as long as this lasts."""
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        yield
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before


def _failures(test: Callable[[], object], path: Path) -> tuple[Finding, ...]:
    """Where a test failed: the line of the test, and what stands there."""
    try:
        test()
    except (Exception, SystemExit) as error:
        frames = extract_tb(error.__traceback__)
        line = next(
            frame.lineno or 1 for frame in reversed(frames) if frame.filename.endswith(f"/{path.name}")
        )
        what = "does not hold" if isinstance(error, AssertionError) else f"raised {type(error).__name__}"
        written = source_of(path).decode().splitlines()[line - 1]
        column = len(written) - len(written.lstrip()) + 1
        return (Finding(str(path), line, column, f"{what}: {written.strip()}"),)
    return ()
