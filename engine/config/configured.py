"""What is loaded, as the audit tells it: a digest of the whole, and which places differ from last time.

Values never leave: of every place only a keyed digest is kept. So a setting that holds a password is told as
changed, not as what.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from typing import Final

import msgspec

from engine.auditing import Configuration
from engine.config.flattening import leaves
from engine.config.loading import LoadedChannel
from engine.config.table_schema import schema_path
from engine.config.tables import Table

__all__ = ["Named", "channel_configuration", "differences", "policy_configuration", "settings_configuration"]

Named = Callable[[bytes], bytes]
"""A keyed digest."""

_PREFIX: Final = "WARDLINE_"
_SHOWN: Final = 40  # places that an entry spells out
_POLICY: Final = ("phi.csv.gz", "datatypes.csv")


def channel_configuration(channel: LoadedChannel, named: Named) -> Configuration:
    """A channel with its sites, tables, functions, profile and clients."""
    spec, program = channel.spec, channel.program
    places = dict(leaves(channel.data))
    places |= {"sites": msgspec.json.encode(channel.sites)} if channel.sites else {}
    places |= {f"tables.{name}": _content(table) for name, table in channel.tables.items()}
    schemas = {name: schema_path(channel.path.parent / file) for name, file in spec.tables.items()}
    places |= {f"tables.{name}.schema": one.read_bytes() for name, one in schemas.items() if one.is_file()}
    places |= {f"functions.{name}": one.source for name, one in channel.functions.items()}
    if program.profile is not None:
        places["profile"] = msgspec.json.encode(program.profile, order="sorted", enc_hook=repr)
    for source in (spec.source.fhir,) if spec.source.fhir else ():
        places["source.fhir.clients"] = (channel.path.parent / source.clients).read_bytes()
    whole = hashlib.sha256(channel.raw)
    for place in sorted(places):
        whole.update(hashlib.sha256(places[place]).digest())
    return Configuration(
        f"channel:{spec.channel}",
        whole.digest(),
        {place: named(text).hex() for place, text in places.items()},
    )


def settings_configuration(environ: Mapping[str, str], named: Named) -> Configuration:
    """The environment, as far as it is ours: names, and keyed digests of what they are set to."""
    places = {
        name: named(text.encode()).hex()
        for name, text in environ.items()
        if name.startswith(_PREFIX) and text.strip()
    }
    return Configuration("settings", _digest(places), places)


def policy_configuration(named: Named) -> Configuration:
    """The table of what is PHI, as this version ships it."""
    packed = {name: files("engine.privacy").joinpath(name).read_bytes() for name in _POLICY}
    places = {name: named(text).hex() for name, text in packed.items()}
    return Configuration("policy", hashlib.sha256(b"".join(packed.values())).digest(), places)


def differences(before: Configuration | None, now: Configuration | None) -> dict[str, str]:
    """Which places of it are new, gone or changed, as details of an entry; nothing when none is."""
    old, new = (one.places if one else {} for one in (before, now))
    told = {
        "added": new.keys() - old.keys(),
        "removed": old.keys() - new.keys(),
        "changed": {place for place in new.keys() & old.keys() if new[place] != old[place]},
    }
    return {word: _some(places) for word, places in told.items() if places}


def _some(places: Iterable[str]) -> str:
    found = sorted(places)
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(place[:150] for place in found[:_SHOWN]) + more


def _content(table: Table) -> bytes:
    said = [list(table.columns), [table.rows(key) for key in table.keys()]]  # noqa: SIM118
    return msgspec.json.encode([*said, *(table.valid or ())])


def _digest(places: Mapping[str, str]) -> bytes:
    return hashlib.sha256(msgspec.json.encode(places, order="sorted")).digest()
