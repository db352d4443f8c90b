"""Profiles of senders as files: `wardline profile` writes them, `validate: profile` reads them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml

from engine.config.spec import ChannelSpec
from engine.errors import Misconfigured
from engine.hl7.profile import Profile

__all__ = ["profile_of", "read_profile", "written"]

MAX_BYTES = 4 * 1024 * 1024

_HEAD = """\
# What this sender uses, learned from samples by `wardline profile`. Edit it freely: `required: true` and
# `codes` are what `validate: profile` insists on; the rest is only told as a warning.
"""


def written(profile: Profile) -> str:
    """The profile as a file."""
    plain = msgspec.to_builtins(profile)
    body: str = yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)
    return _HEAD + body


def profile_of(spec: ChannelSpec, folder: Path) -> Profile | None:
    """The profile that a channel checks against, or None. Raises `Misconfigured`."""
    if spec.validation == "profile" and spec.profile is None:
        raise Misconfigured("no profile to check against", hint="name it: profile: profiles/SENDER.yaml")
    if spec.validation != "profile" and spec.profile is not None:
        raise Misconfigured("nothing is checked against this profile", hint="say validate: profile")
    return read_profile(folder / spec.profile) if spec.profile else None


def read_profile(path: Path) -> Profile:
    """The profile in a file; every scalar is text until the profile's shape says otherwise. Raises
    `Misconfigured` with file and place."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise Misconfigured(f"the profile is larger than {MAX_BYTES >> 20} MiB", where=str(path))
        return msgspec.convert(yaml.load(raw, Loader=yaml.CBaseLoader), Profile, strict=False)  # noqa: S506
    except OSError as error:
        raise Misconfigured(f"the profile cannot be read: {error.strerror}", where=str(path)) from None
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        place = (
            f"line {error.problem_mark.line + 1}" if isinstance(error, yaml.MarkedYAMLError) else str(error)
        )
        raise Misconfigured(
            f"not a profile: {place}", where=str(path), hint="write it with wardline profile"
        ) from None
