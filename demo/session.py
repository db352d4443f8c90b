"""Speaks to an Odoo as a person's browser does: sign in, then call methods. Every version since 8 has it.

For provisioning and for reading back in tests; the engine has its own client.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx

__all__ = ["Refusal", "Session"]


class Refusal(Exception):
    """Odoo answered with an error; the message is Odoo's own."""


class Session:
    """One signed-in user of one database. Raises `Refusal` when the sign-in is refused.

    `call` takes a method's arguments by position or name; a record method's first argument is a list
    of ids. `Any` is what Odoo answers: JSON of a shape only the called method knows."""

    def __init__(self, url: str, database: str, login: str, password: str) -> None:
        self._password = password
        self._http = httpx.Client(base_url=url, timeout=120, trust_env=False)
        signed = self._post(
            "/web/session/authenticate", {"db": database, "login": login, "password": password}
        )
        if not signed.get("uid"):
            raise Refusal(f"Odoo does not let {login} in")
        self.uid = int(signed["uid"])
        self.context: dict[str, Any] = {"lang": "en_US"}

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """The answer of `model.method(*args, **kwargs)`, run as the signed-in user."""
        kwargs["context"] = {**self.context, **kwargs.get("context", {})}
        params = {"model": model, "method": method, "args": args, "kwargs": kwargs}
        return self._post(f"/web/dataset/call_kw/{model}/{method}", params)

    def read(self, model: str, domain: list[Any], *fields: str, **options: Any) -> list[dict[str, Any]]:
        """`search_read`."""
        rows: list[dict[str, Any]] = self.call(model, "search_read", domain, list(fields), **options)
        return rows

    def one(self, model: str, **values: Any) -> int | None:
        """The id of the first record that has exactly these values, archived ones aside."""
        found = self.call(model, "search", [[name, "=", value] for name, value in values.items()], limit=1)
        return int(found[0]) if found else None

    def make_key(self, name: str, days: int = 90) -> str:
        """A new API key of the signed-in user; Odoo asks for the password again before it hands one out."""
        model = "res.users.apikeys.description"
        wanted = self.call(model, "create", {"name": name, "duration": str(days)})
        answer = self.call(model, "make_key", [wanted])
        if answer.get("res_model") == "res.users.identitycheck":
            check = answer["res_id"]
            self.call("res.users.identitycheck", "write", [check], {"password": self._password})
            answer = self.call(
                "res.users.identitycheck", "run_check", [check], context={"password": self._password}
            )
        return str(answer["context"]["default_key"])

    def close(self) -> None:
        """Lets go of the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _post(self, path: str, params: dict[str, Any]) -> Any:
        reply = self._http.post(path, json={"jsonrpc": "2.0", "method": "call", "params": params})
        reply.raise_for_status()
        answer = reply.json()
        if "error" in answer:
            raise Refusal(answer["error"]["data"].get("message") or answer["error"]["message"])
        return answer.get("result")
