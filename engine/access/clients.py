"""Who may come: the registered clients, and the servers whose tokens are believed.

Values only; `engine.config.clients` reads them from their file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from engine.access.jwk import Algorithm, JwkSet
from engine.access.scopes import Interaction, Scopes

__all__ = ["Caller", "Client", "Clients", "Issuer", "Keys"]


class Keys(msgspec.Struct, frozen=True):
    """Where public keys come from: registered ones, or those that a URL (https) gives."""

    registered: JwkSet | None = None
    url: str = ""

    def __bool__(self) -> bool:
        return self.registered is not None or bool(self.url)


class Client(msgspec.Struct, frozen=True):
    """A registered system, and how it proves that it is itself.

    With `keys` it signs assertions for our token endpoint; with `issuer` another server gives it tokens;
    `key_variable` names the environment variable with its static key (development). `certificates` (names
    of subject alternatives, or `sha256:` thumbprints) are what it must show besides that; with nothing
    besides, the certificate alone is enough. `jku` is the only address that its assertions may name.
    `rate` is requests a second, 0 for what the channel says."""

    id: str
    scopes: Scopes
    name: str = ""
    keys: Keys = Keys()
    jku: str = ""
    certificates: frozenset[str] = frozenset()
    issuer: str = ""
    key_variable: str = ""
    rate: float = 0.0

    @property
    def by_certificate(self) -> bool:
        """Whether a certificate alone is enough."""
        return bool(self.certificates) and not (self.keys or self.issuer or self.key_variable)


class Issuer(msgspec.Struct, frozen=True):
    """Another authorization server: the tokens that it signs in one of these ways, for this audience."""

    url: str
    audience: str
    keys: Keys
    algorithms: tuple[Algorithm, ...] = ("RS384", "ES384")
    token_url: str = ""


class Clients(NamedTuple):
    """Everybody who is registered, by client id, and issuers by what they call themselves (`iss`)."""

    clients: Mapping[str, Client]
    issuers: Mapping[str, Issuer]


class Caller(msgspec.Struct, frozen=True):
    """Who makes a request, and what it may do."""

    id: str
    scopes: Scopes
    rate: float = 0.0

    def may(self, type_: str, interaction: Interaction) -> bool:
        """Whether it may do this with resources of this type. What is conditional needs `search` too: else
        it would tell what exists."""
        return self.scopes.may(type_, interaction)
