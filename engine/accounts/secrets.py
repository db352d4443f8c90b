"""What is given out once and kept as a digest: sessions, links, tokens of the API, marks of browsers.

All are 256 random bits, so that a plain digest of them is as good as a slow one (nobody can try them all).
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

__all__ = [
    "API_PREFIX",
    "api_token",
    "browser_mark",
    "digest_of",
    "form_token",
    "is_api_token",
    "marked",
    "secret",
]

API_PREFIX: Final = "wrt1_"
_API: Final = re.compile(rf"{API_PREFIX}[A-Za-z0-9_-]{{43}}")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def secret(random: bytes) -> str:
    """The text of 32 random bytes."""
    return urlsafe_b64encode(random).rstrip(b"=").decode()


def api_token(random: bytes) -> str:
    """A token of the API, which says that it is one: whoever finds it in a file knows what leaked."""
    return API_PREFIX + secret(random)


def is_api_token(text: str) -> bool:
    """Whether a text looks like a token of the API."""
    return _API.fullmatch(text) is not None


def digest_of(text: str) -> bytes:
    """What is kept of one."""
    return sha256(text.encode()).digest()


def form_token(session: str) -> str:
    """What the forms of a session carry: whoever has it cannot tell the session's secret."""
    return secret(sha256(b"wardline form\0" + session.encode()).digest())


def browser_mark(name: str, password: str, nonce: str) -> str:
    """What a browser keeps that an account was used in: good as long as the password (its slow hash) is the
    same."""
    return f"{nonce}.{_mac(name, password, nonce)}"


def marked(mark: str, name: str, password: str) -> str:
    """The nonce of a mark that is one for this account, else empty."""
    nonce, _, mac = mark.partition(".")
    right = (
        password
        and _PLAIN.fullmatch(nonce)
        and hmac.compare_digest(mac.encode(), _mac(name, password, nonce).encode())
    )
    return nonce if right else ""


def _mac(name: str, password: str, nonce: str) -> str:
    key = sha256(b"wardline browser\0" + password.encode()).digest()
    return secret(hmac.digest(key, f"{name}\0{nonce}".encode(), "sha256"))
