"""`python -m demo.console`: the console over the day that `make demo` played, until Ctrl-C."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from demo.day import FOLDER, connection
from demo.local import Local
from demo.steps import Steps
from demo.wardline import COMMAND

__all__ = ["main"]


def main() -> NoReturn:
    """Become the console; exit code 2 where there is nothing to show."""
    store = FOLDER / "wardline.db"
    if not store.exists():
        sys.stderr.write("There is no day to look at yet: make demo\n")
        sys.exit(2)
    odoo = Local(Steps()).running() if os.environ.get("ODOO", "local") == "local" else None
    own = {"WARDLINE_STORE": f"sqlite:///{store}", "WARDLINE_ENVIRONMENT": "demo"}
    os.execve(COMMAND, [str(COMMAND), "console"], {**os.environ, **own, **connection(odoo)})


if __name__ == "__main__":
    main()
