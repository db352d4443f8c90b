"""The component table of `engine/privacy/datatypes.csv`, drawn from hl7apy's tables of 2.1 to 2.8.2.

Regenerate with `python tests/privacy/datatypes_from_hl7apy.py > engine/privacy/datatypes.csv`. It lives
here because `engine.privacy` may not import hl7apy and only needs the answer: which components a
datatype ever had, and of which types.
"""

from __future__ import annotations

import importlib
import sys

from hl7apy import SUPPORTED_LIBRARIES


def datatypes_csv() -> str:
    """One line per composite datatype: its name, then per component the types it ever had."""
    table: dict[str, dict[int, set[str]]] = {}
    for library in SUPPORTED_LIBRARIES.values():
        structs = importlib.import_module(f"{library}.datatypes").DATATYPES_STRUCTS
        for name, components in structs.items():
            for component, reference, *_ in components:
                number = int(component.rsplit("_", 1)[1])
                table.setdefault(name, {}).setdefault(number, set()).add(reference[2])
    lines = ["datatype,components"]
    for name, components in sorted(table.items()):
        listed = (" ".join(sorted(components.get(n, {"-"}))) for n in range(1, max(components) + 1))
        lines.append(f"{name},{';'.join(listed)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(datatypes_csv())
