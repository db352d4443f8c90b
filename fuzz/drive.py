"""One target under atheris: `python -m fuzz.drive TARGET [libFuzzer's own options and corpus folders]`.

Never returns: libFuzzer ends the process, with 0 when it ran out of inputs and not of luck.
"""

from __future__ import annotations

import sys
from importlib import import_module

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

INSTRUMENTED = ["mllp.framing", "mllp.session", "engine.hl7", "engine.fhir"]

if __name__ == "__main__":
    name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=INSTRUMENTED):
        target = import_module(f"fuzz.{name}")
    atheris.Setup([sys.argv[0], *options], target.check)
    atheris.Fuzz()
