"""The shape of a clients file: who may use a FHIR door, and what proves that it is them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from engine.config.spec.words import Strict

__all__ = ["ClientSpec", "ClientsSpec", "IssuerSpec"]

ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~:/-]{0,127}$")]
Jwks = str | dict[str, Any]


class ClientSpec(Strict):
    """One system. It proves itself by keys of its own, by tokens of an issuer, by a certificate, or (in
    development) by a static key."""

    id: ClientId = Field(description="The client_id: letters, digits and . _ ~ : / -")
    name: str = Field("", max_length=200, description="Which system this is, for people.")
    scopes: list[str] = Field(min_length=1, description="What it may do: `system/SupplyRequest.cru`.")
    jwks: Jwks | None = Field(
        None, description="Its public keys: a JWK Set, a file with one beside this file, or an https URL."
    )
    jku: str = Field("", description="The only address its assertions may name; default: the URL of `jwks`.")
    issuer: str = Field("", description="The issuer (below) that gives it tokens.")
    certificates: list[str] = Field(
        [], description="Certificates it must show: names (SAN) or `sha256:` thumbprints."
    )
    key: str = Field("", description="A static key, `env:NAME`: development only (WARDLINE_DEV_KEYS).")
    rate: float = Field(0, ge=0, le=100_000, description="Requests a second; 0: as the channel says.")


class IssuerSpec(Strict):
    """Another authorization server, whose access tokens are believed."""

    issuer: str = Field(min_length=1, description="What it calls itself (`iss`).")
    audience: str = Field(min_length=1, description="What it calls this server (`aud`).")
    jwks: Jwks = Field(description="Its public keys, as a client's.")
    algorithms: list[Literal["RS256", "RS384", "ES256", "ES384"]] = Field(
        ["RS384", "ES384"], min_length=1, description="Ways of signing that are accepted."
    )
    token_url: str = Field("", description="Where clients get its tokens; told to clients that ask.")


class ClientsSpec(Strict):
    """The whole file."""

    clients: list[ClientSpec] = Field(min_length=1, description="The systems that may connect.")
    issuers: list[IssuerSpec] = Field(
        [], description="Other authorization servers whose tokens are believed."
    )
