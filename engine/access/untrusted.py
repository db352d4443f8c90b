"""Why a caller is not who it says: closed words, for the answer to the caller and for the operator."""

from __future__ import annotations

from typing import Final, Literal

from engine.errors import Unacceptable
from engine.fhir.issues import Code, Issue, Rejected

__all__ = ["Untrusted", "Why"]

Why = Literal[
    "nothing", "malformed", "too-long", "header", "algorithm", "issuer", "client", "key", "keys-away",
    "signature", "audience", "expired", "lifetime", "early", "identifier", "replayed", "certificate", "scope",
]  # fmt: skip

_SAID: Final[dict[Why, tuple[Code, str]]] = {
    "nothing": ("login", "this needs an access token, or a certificate that is registered"),
    "malformed": ("security", "the token cannot be read"),
    "too-long": ("security", "the token is too long"),
    "header": ("security", "the token's header says what it may not"),
    "algorithm": ("security", "the token is not signed in an accepted way"),
    "issuer": ("security", "the token was issued by somebody unknown"),
    "client": ("unknown", "the client is not registered"),
    "key": ("unknown", "the token is signed with an unknown key"),
    "keys-away": ("unknown", "the keys to verify the token with cannot be had now"),
    "signature": ("security", "the token's signature does not hold"),
    "audience": ("security", "the token is for another server"),
    "expired": ("expired", "the token has expired"),
    "lifetime": ("security", "the token does not end soon enough"),
    "early": ("security", "the token is not valid yet"),
    "identifier": ("security", "the token has no usable identifier"),
    "replayed": ("security", "the token was used before"),
    "certificate": ("security", "the token belongs to another certificate"),
    "scope": ("security", "the token's scope cannot be read"),
}


class Untrusted(Unacceptable):
    """A token or certificate that proves nothing. `client` is the registered client that it names, or
    empty; never a word of what was sent."""

    def __init__(self, why: Why, client: str = "") -> None:
        super().__init__("bad-value", "", _SAID[why][1])
        self.why: Why = why
        self.client = client

    def rejected(self) -> Rejected:
        """The refusal of a request, with its challenge (RFC 6750, section 3)."""
        code, text = _SAID[self.why]
        challenge = 'Bearer realm="fhir"'
        if self.why != "nothing":
            challenge += f', error="invalid_token", error_description="{text}"'
        return Rejected(401, Issue(code, text), headers=(("WWW-Authenticate", challenge),))
