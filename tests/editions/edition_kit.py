"""Small folders of channels for tests of editions, and entries about them."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.auditing import Act, Entry, Role

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


def told(who: str = "ann", at: float = 5.0, why: str = "new ward", role: Role = "operator") -> Entry:
    return Entry(at=at, who=who, role=role, act=Act.DEPLOY, object="channels", why=why)


def charge(number: int, code: str = "270001", ward: str = "ICU") -> bytes:
    """A charge of two of something on a ward; seven patients come back."""
    return (
        rf"MSH|^~\&|CHARGES|GENERAL|WARDLINE|GENERAL|20261121120000||DFT^P03^DFT_P03|C{number}|P|2.5.1"
        "\r"
        f"EVN|P03|20261121120000\rPID|1||770{number % 7}^^^GENERAL^MR||TESTMANN^TESSA||19700131|F"
        f"||||||||||ACCT77{number % 7}\r"
        f"PV1|1|I|{ward}^1^1^GENERAL||||||||||||||||VISIT77{number % 7}\r"
        f"FT1|1|T{number}||20261121101500||CG|{code}^Charge^L|||2||12.50&EUR|{ward}|||{ward}^1\r"
    ).encode()
