"""The releases of FHIR that are spoken, and how each is named."""

from __future__ import annotations

from typing import Final, Literal, get_args

__all__ = ["RELEASES", "VERSIONS", "Release", "release_of"]

Release = Literal["R4", "R4B", "R5"]

RELEASES: Final[tuple[Release, ...]] = get_args(Release)

VERSIONS: Final[dict[Release, str]] = {"R4": "4.0.1", "R4B": "4.3.0", "R5": "5.0.0"}
"""What `CapabilityStatement.fhirVersion` says; the MIME type's `fhirVersion` is its first two numbers."""


def release_of(mime: str) -> Release | None:
    """The release that the MIME parameter `fhirVersion` (`4.0`, `4.3`, `5.0`) names."""
    return next((name for name, version in VERSIONS.items() if version.rpartition(".")[0] == mime), None)
