"""Engines that fill stores live with the tests of whole flows."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "flows"))
