"""A provider of OpenID Connect that runs (`tests/accounts/directory.py`), and a console that trusts it."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from certificates import Authority

from engine.access.https import ask
from engine.accounts.identity import Single, mapped
from engine.accounts.sign_on import SignOn

__all__ = ["CLIENT", "Provider", "trusting"]

CLIENT, SECRET = "wardline console", "a secret: of 32+ characters/bytes"
ROLES = "wl-ops=operator viewer, wl-admins=administrator, wl-analysts=analyst, wl-approvers=approver"


class Provider:
    """The other process, and what it is told."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder, "directory-ca")
        pair = authority.issue("localhost", "localhost")
        self.ca = authority.file
        script = Path(__file__).parents[1] / "accounts" / "directory.py"
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(pair.certificate), str(pair.key), CLIENT, SECRET],
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.issuer = f"https://localhost:{int(self.process.stdout.readline())}"
        self.http = httpx.Client(verify=ssl.create_default_context(cafile=str(self.ca)), trust_env=False)

    def told(self, **state: Any) -> list[str]:
        """Behave like this from now on, otherwise as a provider should; what it was asked so far."""
        plain: dict[str, Any] = {
            "user": {}, "claims": {}, "header": {}, "mode": "", "metadata": {}, "answer": {},
        }  # fmt: skip
        asked: list[str] = self.http.post(f"{self.issuer}/control", json={**plain, **state}).json()["asked"]
        return asked

    def end(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def trusting(provider: Provider, door: Any, clock: Any) -> dict[str, Any]:
    """What a console is made with that asks this provider (`running_console(extra=…)`)."""
    single = Single(
        issuer=provider.issuer, client=CLIENT, secret=SECRET, redirect=f"{door.url}/oidc/callback",
        groups="groups", roles=mapped(ROLES),
    )  # fmt: skip
    return {"sign_on": SignOn(single, ask, clock)}
