"""The one more group that master files need: the integration user may make products."""

from __future__ import annotations

from demo.odoo import Running
from demo.session import Session

__all__ = ["give", "take"]


def give(admin: Session, hospital: Running) -> None:
    """Let the integration user make products."""
    _change(admin, hospital, 4)


def take(admin: Session, hospital: Running) -> None:
    """No longer."""
    _change(admin, hospital, 3)


def _change(admin: Session, hospital: Running, command: int) -> None:
    domain = [["module", "=", "product"], ["name", "=", "group_product_manager"]]
    (group,) = admin.read("ir.model.data", domain, "res_id")
    user = admin.one("res.users", login=hospital.user.login)
    admin.call("res.users", "write", [user], {"group_ids": [[command, group["res_id"]]]})
