"""What a client would like: the header `Prefer` (RFC 7240; FHIR, http.html, 3.1.0.1.7)."""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

__all__ = ["Preference", "Returns", "read_preference"]

Returns = Literal["", "minimal", "representation", "OperationOutcome"]

_RETURNS = {"minimal", "representation", "OperationOutcome"}
_HANDLING = {"strict", "lenient"}


class Preference(NamedTuple):
    """What is asked for, as far as it is understood; the rest is ignored (RFC 7240, 2)."""

    returns: Returns = ""
    handling: Literal["", "strict", "lenient"] = ""
    asynchronous: bool = False

    @property
    def applied(self) -> str:
        """The value of `Preference-Applied`."""
        said = [f"return={self.returns}"] if self.returns else []
        said += [f"handling={self.handling}"] if self.handling else []
        return ", ".join(said + (["respond-async"] if self.asynchronous else []))


def read_preference(text: str) -> Preference:
    """Read the header's value, several of them joined by commas. The first of each kind counts."""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    returns, handling = found.get("return", ""), found.get("handling", "").lower()
    return Preference(
        cast(Returns, returns) if returns in _RETURNS else "",
        cast(Literal["", "strict", "lenient"], handling) if handling in _HANDLING else "",
        "respond-async" in found,
    )
