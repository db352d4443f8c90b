"""Single sign-on by OpenID Connect: authorization code with PKCE (RFC 7636), one issuer.

Nothing is kept here between going there and coming back: `state`, `nonce` and the verifier are derived from a
secret in a cookie of the browser that began, so that nobody else's answer fits it (RFC 9700, 4.7), and a code
that was stolen is worth nothing without that browser.
"""

from __future__ import annotations

import hmac
import os
import threading
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol, cast
from urllib.parse import quote, urlencode, urlsplit

from engine.access.jwk import ALGORITHMS, Algorithm
from engine.access.jwt import read_json, take_apart, verify
from engine.access.keys import FetchedKeys, Published
from engine.access.untrusted import Untrusted
from engine.accounts.coming import KeptOut
from engine.accounts.identity import Identity, Single, check_claims, identity_of
from engine.accounts.secrets import secret
from engine.errors import Unavailable

__all__ = ["Ask", "Begun", "SignOn"]

WITHIN: Final = 600.0
"""Seconds that somebody may take at the directory."""

AFRESH: Final = 3600.0
"""Seconds until we ask again what the directory says of itself."""

REST: Final = 5.0
"""Seconds until a directory that was away is asked again."""

TURN: Final = 2.0
"""Seconds that one thread waits for another that is asking: a directory that hangs must not hold them all."""

_WHAT: Final = "single sign-on"
_AGAIN: Final = "This log-in took too long, or did not begin in this browser. Try again."


class Ask(Protocol):
    """Asks an https address (`engine.access.https.ask`); raises `Unavailable`."""

    def __call__(
        self, url: str, what: str, form: Mapping[str, str] | None = None, authorization: str = ""
    ) -> Published: ...


class Begun(NamedTuple):
    """Where the browser goes, and what it keeps meanwhile."""

    url: str
    cookie: str


class _Directory(NamedTuple):
    """What the issuer says of itself (OpenID Connect Discovery 1.0, section 3)."""

    authorize: str
    token: str
    end: str
    keys: FetchedKeys
    names_itself: bool  # RFC 9207
    by_form: bool


class SignOn:
    """`ask` reaches the issuer; `clock` gives seconds since the epoch, `dice` random bytes."""

    def __init__(
        self, single: Single, ask: Ask, clock: Callable[[], float], dice: Callable[[int], bytes] = os.urandom
    ) -> None:
        self.single, self._ask, self._clock, self._dice = single, ask, clock, dice
        self._turn = threading.Lock()
        self._directory: tuple[float, _Directory] | None = None
        self._failed_at = 0.0

    def begin(self, onto: str) -> Begun:
        """Send a browser to the directory; `onto` is where it goes after that. Raises `Unavailable`."""
        directory = self._found()
        where = urlsafe_b64encode(onto[:1000].encode()).decode().rstrip("=")
        cookie = f"{secret(self._dice(32))}.{int(self._clock())}.{where}"
        asked = {
            "response_type": "code", "client_id": self.single.client, "redirect_uri": self.single.redirect,
            "scope": "openid profile email", "state": _derived("state", cookie),
            "nonce": _derived("nonce", cookie), "code_challenge_method": "S256",
            "code_challenge": secret(sha256(_derived("verifier", cookie).encode()).digest()),
        }  # fmt: skip
        glue = "&" if urlsplit(directory.authorize).query else "?"
        return Begun(directory.authorize + glue + urlencode(asked), cookie)

    def finish(self, said: Mapping[str, str], cookie: str) -> tuple[Identity, str]:
        """Who came back with this answer, and where to go. Raises `KeptOut`, `Untrusted` for a token that
        proves nothing, `Misconfigured` for somebody who has no role here, `Unavailable`."""
        onto = self._own(cookie)
        if not hmac.compare_digest(said.get("state", "").encode(), _derived("state", cookie).encode()):
            raise KeptOut("directory", _AGAIN)
        directory = self._found()
        if said.get("iss", self.single.issuer) != self.single.issuer or (
            directory.names_itself and "iss" not in said
        ):
            raise Untrusted("issuer")  # an answer of another issuer (RFC 9207)
        if "error" in said or not 0 < len(said.get("code", "")) <= 4096:
            raise KeptOut("directory", "The directory did not let you in.")
        claims = self._claims(directory, self._token(directory, said["code"], cookie))
        check_claims(claims, self.single, _derived("nonce", cookie), self._clock())
        return identity_of(claims, self.single), onto

    def ending(self, back: str) -> str:
        """Where somebody ends the session at the directory too, empty where it cannot be done (OpenID Connect
        RP-Initiated Logout 1.0)."""
        try:
            end = self._found().end
        except Unavailable:
            return ""
        asked = urlencode({"client_id": self.single.client, "post_logout_redirect_uri": back})
        return f"{end}{'&' if urlsplit(end).query else '?'}{asked}" if end else ""

    def _own(self, cookie: str) -> str:
        """Where the log-in that this cookie is of was to lead."""
        random, _, rest = cookie.partition(".")
        began, _, where = rest.partition(".")
        if len(random) != 43 or not began.isdecimal() or not 0 <= self._clock() - int(began) <= WITHIN:
            raise KeptOut("directory", _AGAIN)
        try:
            return urlsafe_b64decode(where + "=" * (-len(where) % 4)).decode()
        except ValueError:
            raise KeptOut("directory", _AGAIN) from None

    def _token(self, directory: _Directory, code: str, cookie: str) -> str:
        single, authorization = self.single, ""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": single.redirect,
            "client_id": single.client, "code_verifier": _derived("verifier", cookie),
        }  # fmt: skip
        if single.secret and directory.by_form:
            form["client_secret"] = single.secret
        elif single.secret:
            pair = f"{quote(single.client, safe='')}:{quote(single.secret, safe='')}"
            authorization = f"Basic {b64encode(pair.encode()).decode()}"
        found = _object(self._ask(directory.token, _WHAT, form, authorization).body)
        token = found.get("id_token")
        if not isinstance(token, str):
            raise Untrusted("nothing")
        return token

    def _claims(self, directory: _Directory, token: str) -> dict[str, Any]:
        unverified = take_apart(token)
        algorithm = unverified.header.get("alg")
        if algorithm not in ALGORITHMS:  # never `none`, never a secret that both have
            raise Untrusted("algorithm")
        known = cast(Algorithm, algorithm)
        key = directory.keys.find(unverified.header.get("kid", ""), known, self._clock())
        return verify(unverified, key.key, known)

    def _found(self) -> _Directory:
        """What the issuer says of itself, asked once an hour; one that is away is let alone for a while, and
        waited for by one thread. Raises `Unavailable`."""
        if not self._turn.acquire(timeout=TURN):
            raise Unavailable("the directory takes its time: try again")
        try:
            now = self._clock()
            if self._directory is None or not 0 <= now - self._directory[0] < AFRESH:
                if 0 <= now - self._failed_at < REST:
                    raise Unavailable("the directory cannot be reached: try again in a few seconds")
                self._failed_at = now
                self._directory = now, self._discovered()
                self._failed_at = 0.0
            return self._directory[1]
        finally:
            self._turn.release()

    def _discovered(self) -> _Directory:
        issuer = self.single.issuer
        said = _object(self._ask(f"{issuer.rstrip('/')}/.well-known/openid-configuration", _WHAT).body)
        needed = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if said.get("issuer") != issuer or not all(map(_is_https, needed)):
            raise Unavailable("the directory says of itself what cannot be")
        authorize, token, keys = map(str, needed)
        end, ways = said.get("end_session_endpoint"), said.get("token_endpoint_auth_methods_supported")
        by_form = (
            isinstance(ways, list) and "client_secret_basic" not in ways and "client_secret_post" in ways
        )
        return _Directory(
            authorize, token, str(end) if _is_https(end) else "",
            FetchedKeys(keys, lambda url: self._ask(url, _WHAT)),
            said.get("authorization_response_iss_parameter_supported") is True, by_form,
        )  # fmt: skip


def _derived(what: str, cookie: str) -> str:
    return secret(sha256(f"wardline {what}\0{cookie}".encode()).digest())


def _is_https(url: object) -> bool:
    return isinstance(url, str) and url.startswith("https://") and bool(urlsplit(url).hostname)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = read_json(raw)
    except ValueError:
        raise Unavailable("the directory gives no JSON") from None
    if not isinstance(found, dict):
        raise Unavailable("the directory gives no object of JSON")
    return found
