"""Who may use the FHIR door, and for what: clients, tokens, scopes, rates. Knows nothing of HTTP servers."""

from engine.access.access import DEV_KEYS, TOKEN_PATH, Access, static_keys
from engine.access.certificate import Certificate
from engine.access.clients import Caller, Client, Clients, Issuer, Keys
from engine.access.endpoint import MAX_FORM
from engine.access.keys import Fetch, Published
from engine.access.rates import Rates
from engine.access.scopes import Interaction, Scopes

__all__ = [
    "DEV_KEYS", "MAX_FORM", "TOKEN_PATH", "Access", "Caller", "Certificate", "Client", "Clients", "Fetch",
    "Interaction", "Issuer", "Keys", "Published", "Rates", "Scopes", "static_keys",
]  # fmt: skip
