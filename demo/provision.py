"""Makes the hospital stand in a database, and says how to get in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from demo import hospital
from demo.session import Session

__all__ = ["Login", "Running", "fingerprint", "provision"]


@dataclass(frozen=True, slots=True)
class Login:
    """Who one is to Odoo: the key is an API key, good for JSON-2 and, as the password, for JSON-RPC."""

    login: str
    password: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Running:
    """An Odoo that answers at `url`, and a database in it that holds the hospital.

    `user` is the integration user with the least rights, `admin` may do everything; `ids` holds the
    ids by name that `demo.hospital.provision` returns."""

    url: str
    database: str
    admin: Login
    user: Login
    ids: dict[str, Any]

    @classmethod
    def of(cls, url: str, database: str, made: Mapping[str, Any]) -> Self:
        """From what `provision` returned."""
        ids = {name: value for name, value in made.items() if name not in ("admin", "user")}
        return cls(url, database, Login(**made["admin"]), Login(**made["user"]), ids)


def provision(url: str, database: str, login: str, password: str, chosen: str = "") -> dict[str, Any]:
    """Sets up the hospital as an administrator, who gets the password `chosen` if one is given.

    Returns the hospital's ids by name and the logins `admin` and `user`, as JSON has them."""
    if chosen:
        with Session(url, database, login, password) as admin:
            admin.call("res.users", "write", [admin.uid], {"password": chosen})
    with Session(url, database, login, chosen or password) as admin:
        made = hospital.provision(admin, url, database)
        key = admin.make_key("wardline demo")
    return {"admin": {"login": login, "password": chosen or password, "key": key}, **made}


def fingerprint() -> str:
    """Another hospital has another one: eight hexadecimal digits of its sources."""
    sources = sorted(Path(__file__).parent.glob("hospital*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]
