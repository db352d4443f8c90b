"""External ids: the names under which Odoo knows what Wardline made, and never makes it twice.

A name is derived from what the record stands for alone, so that every attempt, process and day
derives the same one. `ir.model.data` has a unique key on (module, name): two writers racing on
one name cannot both create.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["MODULE", "base_of", "contact", "credit", "external", "full", "generation", "generation_of"]

MODULE = "wardline"

_READABLE = re.compile(r"[A-Za-z0-9_/^:~-]{1,80}")


def external(kind: str, key: str) -> str:
    """`charge`, `t1x_…` → `charge_t1x_…`; a key with other characters is hashed."""
    if _READABLE.fullmatch(key):
        return f"{kind}_{key}"
    return f"{kind}_{_hashed(key, 40)}"


def generation(base: str, number: int) -> str:
    """The name of a record's later life: the first is `base`, the second `base@2`."""
    return base if number == 1 else f"{base}@{number}"


def generation_of(base: str, name: str) -> int:
    """Which life of `base` a name is, 0 when it is none of them."""
    if name == base:
        return 1
    number = name.removeprefix(f"{base}@")
    return int(number) if name.startswith(f"{base}@") and number.isdigit() else 0


def base_of(reverses: str) -> str:
    """What the names of all credits of one charge begin with."""
    return f"credit_{_hashed(reverses, 16)}_"


def credit(reverses: str, key: str) -> str:
    """A credit's name, which tells the charge it reverses: Odoo's order line has no such field."""
    return base_of(reverses) + external("", key).removeprefix("_")


def contact(token: str) -> str:
    """The contact that stands for a person's, a visit's or an account's token."""
    return external("contact", token)


def full(name: str) -> str:
    """With the module, as `load` wants it."""
    return f"{MODULE}.{name}"


def _hashed(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
