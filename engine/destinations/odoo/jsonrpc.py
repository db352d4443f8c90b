"""JSON-RPC through odoorpc: Odoo 17 and 18, and 19 where only a password is at hand.

odoorpc logs parameters (passwords and data) at DEBUG: its logger is closed here for good. It sets
no bound on an answer and would follow redirects and the environment's proxies: its opener is ours.
"""

from __future__ import annotations

import http.client
import io
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import odoorpc

from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.faults import KeyRefused, ServerError, fault
from engine.destinations.odoo.json2 import MAX_ANSWER
from engine.errors import Unavailable

__all__ = ["JsonRpcWire"]

for _name in ("odoorpc", "odoorpc.rpc.jsonrpclib"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)
    logging.getLogger(_name).propagate = False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class _Opener(urllib.request.OpenerDirector):
    """Opens without proxies and redirects, and reads at most `MAX_ANSWER` bytes."""

    def __init__(self) -> None:
        super().__init__()
        for part in (
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _NoRedirect(),
        ):
            self.add_handler(part)

    def open(self, fullurl: Any, data: Any = None, timeout: Any = None) -> Any:
        with super().open(fullurl, data, timeout) as response:
            body = response.read(MAX_ANSWER + 1)
        if len(body) > MAX_ANSWER:
            raise ServerError("Odoo's answer is larger than 10 MiB")
        return io.BytesIO(body)


class JsonRpcWire:
    """Calls through odoorpc, a TCP connection each."""

    transport = "jsonrpc"

    def __init__(self, connection: OdooConnection, version: tuple[int, ...]) -> None:
        self.version = version
        parts = urlsplit(connection.url)
        secure = parts.scheme == "https"
        self._odoo = odoorpc.ODOO(
            parts.hostname,
            protocol="jsonrpc+ssl" if secure else "jsonrpc",
            port=parts.port or (443 if secure else 80),
            timeout=connection.timeout,
            version=".".join(map(str, version)),
            opener=_Opener(),
        )
        secret = connection.key or connection.password
        self._guarded(lambda: self._odoo.login(connection.database, connection.user, secret))

    def call(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        args: Mapping[str, Any],
    ) -> Any:
        """One call; see `client.Wire`."""
        positional = [] if ids is None else [list(ids)]
        named = {**args, "context": dict(context)}
        return self._guarded(lambda: self._odoo.execute_kw(model, method, positional, named))

    def close(self) -> None:
        """Nothing is kept open between calls."""

    @staticmethod
    def _guarded(act: Any) -> Any:
        try:
            return act()
        except odoorpc.error.RPCError as error:
            raise _refused(error) from None
        except urllib.error.HTTPError as error:
            status = error.code
            error.close()
            raise (
                fault("", "", status)
                if status in (401, 403)
                else Unavailable(f"Odoo answered with HTTP {status}")
            ) from None
        except TimeoutError as error:
            raise Unavailable("Odoo did not answer in time") from error
        except urllib.error.URLError as error:
            late = isinstance(error.reason, TimeoutError)
            text = "Odoo did not answer in time" if late else "Odoo cannot be reached"
            raise Unavailable(text) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"Odoo cannot be reached ({type(error).__name__})") from error
        except json.JSONDecodeError:
            raise Unavailable("Odoo's answer is not JSON") from None


def _refused(error: odoorpc.error.RPCError) -> Exception:
    """Only `name` and `message` of the error's data are looked at; `debug` holds data."""
    info = error.info
    if not isinstance(info, dict):
        return KeyRefused("Odoo refuses the login or the API key")
    data = info.get("data") or {}
    return fault(str(data.get("name", "")), str(data.get("message", "")))
