"""Small folders of channels for tests of editions, and entries about them."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.auditing import Act, Entry

CHANNELS = Path(__file__).parents[2] / "channels"


def charges_in(folder: Path) -> Path:
    """A folder with the shipped channel of charges alone, a few of its cases, and all that it is made of."""
    (folder / "tables").mkdir(parents=True)
    shutil.copy(CHANNELS / "dft-charges.yaml", folder)
    head, *cases = (CHANNELS / "dft-charges.test.yaml").read_text().split("\n  - name:")
    (folder / "dft-charges.test.yaml").write_text("\n  - name:".join([head, *cases[:3]]) + "\n")
    for file in (CHANNELS / "tables").iterdir():
        shutil.copy(file, folder / "tables")
    return folder


def told(who: str = "ann", at: float = 5.0, why: str = "new ward") -> Entry:
    return Entry(at=at, who=who, role="operator", act=Act.DEPLOY, object="channels", why=why)
