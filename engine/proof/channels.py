"""The channels of a proof: those of the hospital with doors of their own, and channels that take everything,
read all that the policy lets them read, and pass on all that it lets pass."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

import yaml

from engine.config.loading import channel_files
from engine.config.spec.privacy import FlagName
from engine.errors import Misconfigured
from engine.fhir.resource_types import TYPES
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.fhir_readers import FhirReaders
from engine.privacy.fhir_table import fhir_table
from engine.privacy.policy import Policy
from engine.privacy.rules import Forbidden
from engine.privacy.table import components_of
from engine.proof.hl7_messages import EVERYTHING, FIELDS

__all__ = [
    "CLIENTS", "FILES", "FORWARDS", "READS", "RESOURCES", "SERVED", "STRICT", "Folders", "Keys",
    "write_channels",
]  # fmt: skip

FORWARDS: Final = "proof-forwards"
READS: Final = "proof-reads"
STRICT: Final = "proof-strict"
FILES: Final = "proof-files"
RESOURCES: Final = "proof-resources"

KINDS: Final = (
    "ACK", "ADT", "BAR", "DFT", "MDM", "MFN", "OMG", "OML", "OMS", "ORM", "ORU", "RAS", "RDE", "RDS", "REF",
    "RGV", "SIU", "VXU",
)  # fmt: skip
CLIENTS: Final = {"ward": ["system/*.cruds"], "narrow": ["system/InventoryItem.c"]}
"""Clients of the FHIR doors and what they may do."""

SERVED: Final = tuple(
    sorted(
        name
        for (name, *rest) in fhir_table().elements
        if not rest
        and any(name in types for types in TYPES.values())
        and name
        not in {"Bundle", "Parameters", "OperationOutcome", "Binary", "AuditEvent", "Provenance", "Task"}
    )
)
"""Types of resources that a door may take."""

_TOGETHER: Final = 12
"""Types of one channel: as many alternatives as an expression may have."""

_OWNER: Final = {"business": "privacy@hospital.example", "technical": "privacy@hospital.example"}
_LEAVES: Final = ("", ".value", ".code", ".system", ".unit", ".start", ".end", ".currency", ".reference")
_SLOTS: Final = ("code", "name", "unit", "barcode")


class Folders(NamedTuple):
    """Where a proof keeps what goes in and comes out."""

    root: Path

    @property
    def channels(self) -> Path:
        """Channel files."""
        return self.root / "channels"

    @property
    def ledger(self) -> Path:
        """What would go to Odoo."""
        return self.root / "ledger.ndjson"

    @property
    def forwarded(self) -> Path:
        """What is passed on as files."""
        return self.root / "forwarded"

    @property
    def inbox(self) -> Path:
        """Where files of messages are put."""
        return self.root / "inbox"


class Keys(NamedTuple):
    """Static keys of the clients, by name."""

    of: dict[str, str]

    def environment(self) -> dict[str, str]:
        """As the channel files name them."""
        return {f"PROOF_{name.upper()}_KEY": key for name, key in self.of.items()}


def write_channels(hospital: Path | None, folders: Folders, *, receiver: str, odoo: bool) -> list[str]:
    """Write all channel files; the names of the hospital's. `receiver` names the connection of a system that
    messages are passed on to; with `odoo` the hospital's effects go where its files say, else into a ledger.
    Raises `Misconfigured`."""
    for folder in (folders.channels, folders.forwarded, folders.inbox):
        folder.mkdir(parents=True)
    names = [] if hospital is None else _hospitals(hospital, folders, odoo=odoo)
    for channel in (_forwards(folders, receiver), _reads(folders), _strict(folders), _files(folders)):
        _write(folders.channels / f"{channel['channel']}.yaml", channel)
    own = _own(folders)
    for at in range(0, len(own), _TOGETHER):
        channel = _resources(f"{RESOURCES}-{at // _TOGETHER + 1}", own[at : at + _TOGETHER], folders)
        _write(folders.channels / f"{channel['channel']}.yaml", channel)
    _write(folders.channels / "proof-clients.yaml.txt", _clients())
    return names


def _hospitals(hospital: Path, folders: Folders, *, odoo: bool) -> list[str]:
    """The hospital's channels as they are, but for where they listen and who may come."""
    shutil.copytree(hospital, folders.channels, dirs_exist_ok=True)
    names = []
    for path in channel_files([folders.channels]):
        data = yaml.load(path.read_text(), yaml.BaseLoader)  # noqa: S506 - nothing but texts
        kind, door = next(iter(data["source"].items()))
        if kind == "folder":
            door["path"] = str(folders.inbox / data["channel"])
            (folders.inbox / data["channel"]).mkdir()
        else:
            door["listen"] = "tcp:0"
            for word in ("tls", "allow", "base_url", "app_ack_to", "app_ack_tls", "app_ack"):
                door.pop(word, None)
        if kind == "fhir":
            door |= {"clients": "proof-clients.yaml.txt", "rate": "100000"}
        if not odoo:
            data["destinations"] = [{"ledger": {"path": str(folders.ledger)}}]
        names.append(data["channel"])
        _write(path, data)
    return names


def _write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=1))  # JSON is YAML


def _channel(name: str, source: dict[str, Any], effects: list[Any], destination: Any, **more: Any) -> Any:
    return {
        "channel": name,
        "description": "Takes everything, for the proof of privacy.",
        "owner": _OWNER,
        "source": source,
        "effects": effects,
        "destinations": destination,
        "privacy": {"flags": dict.fromkeys(_flags(source), "pass")},
        **more,
    }


def _flags(source: dict[str, Any]) -> list[str]:
    """The privacy flags that messages of a door may raise."""
    return [flag for flag in get_args(FlagName) if flag.startswith("meta.") == ("fhir" in source)]


def _mllp(**more: Any) -> dict[str, Any]:
    return {"mllp": {"listen": "tcp:0", "message_types": list(KINDS), "max_frame": str(64 << 20), **more}}


def _forward(**more: str) -> dict[str, Any]:
    names = dict.fromkeys(("application", "facility", "receiving_application", "receiving_facility"), "PROOF")
    return {"forward": {"segments": _passing(), **names, **more}}


def _passing() -> list[str]:
    """Segments of which the policy lets something pass."""
    policy, words = Policy(), {"keep", "token", "opdate", "year"}
    return [
        segment
        for segment in EVERYTHING
        if any(
            policy.treatment(segment, field, part).treatment in words
            for field in FIELDS[segment]
            for part in range(1, 6)
        )
    ]


def _forwards(folders: Folders, receiver: str) -> Any:
    destinations = [{"folder": {"path": str(folders.forwarded)}}, {"mllp": {"connection": receiver}}]
    return _channel(FORWARDS, _mllp(), [_forward()], destinations, sequence_by="PID-3")


def _files(folders: Folders) -> Any:
    path = folders.inbox / FILES
    path.mkdir()
    source = {"path": str(path), "settle": "0", "every": "1", "answers": "file", "message_types": list(KINDS)}
    effects, destination = [_forward(dates="drop")], [{"ledger": {"path": str(folders.ledger)}}]
    return _channel(FILES, {"folder": source}, effects, destination, sequence_by="PID-3")


def _strict(folders: Folders) -> Any:
    """Checks whatever can be checked, and tells the sender what became of his message."""
    source = _mllp(
        acknowledge="delivery", acknowledge_timeout="1", charset_strict="yes", control_id_reuse="reject"
    )
    encounter = {"encounter": {"key": "{PV1-19}", "subject": "PID-3"}}
    ledger = [{"ledger": {"path": str(folders.ledger)}}]
    return _channel(STRICT, source, [encounter], ledger, sequence_by="PID-3", validate="structure")


def _reads(folders: Folders) -> Any:
    ledger = [{"ledger": {"path": str(folders.ledger)}}]
    return _channel(READS, _mllp(), list(_rules(_v2_paths(), "PID-3")), ledger, sequence_by="PID-3")


def _resources(name: str, types: list[str], folders: Folders) -> Any:
    everything = ["create", "read", "update", "patch", "search", "history"]
    source = {
        "listen": "tcp:0", "rate": "100000", "clients": "proof-clients.yaml.txt",
        "resources": dict.fromkeys(types, everything),
    }  # fmt: skip
    effects = [rule for type_ in types for rule in _rules_of(type_)]
    ledger = [{"ledger": {"path": str(folders.ledger)}}]
    order = " or ".join(f"{type_}.id" for type_ in types)
    return _channel(name, {"fhir": source}, effects, ledger, no_effect="filtered", sequence_by=order)


def _own(folders: Folders) -> list[str]:
    """Types that no channel of the hospital takes."""
    taken: set[str] = set()
    for path in channel_files([folders.channels]):
        source = yaml.load(path.read_text(), yaml.BaseLoader)["source"]  # noqa: S506
        taken.update(source.get("fhir", {}).get("resources", {}))
    return [name for name in SERVED if name not in taken]


def _clients() -> Any:
    known = [
        {"id": name, "key": f"env:PROOF_{name.upper()}_KEY", "scopes": scopes}
        for name, scopes in CLIENTS.items()
    ]
    return {"clients": known}


class _Path(NamedTuple):
    """A field path that may be read, and whether it gives a token."""

    text: str
    token: bool

    @property
    def read(self) -> str:
        """It, or a word where it is not there."""
        return f"{self.text} or literal(none)"


def _rules(paths: Iterable[_Path], known: str, *, when: str = "") -> Iterator[dict[str, Any]]:
    """Rules that read these paths, several at a time: tokens in keys (with `known`), the rest as values."""
    listed = list(paths)
    tokens, values = ([one for one in listed if one.token is token] for token in (True, False))
    width = len(_SLOTS)
    for start in range(0, max(len(tokens), len(values), 1), width):
        key = "".join(f"{{{one.read}}}/" for one in tokens[start : start + width])
        product = {"key": f"{key}{{{known} or literal(none)}}/{start}", "code": "literal(none)"}
        product |= {slot: one.read for slot, one in zip(_SLOTS, values[start : start + width], strict=False)}
        yield {"when": {when: "present"} if when else {}, "product": product}


def _rules_of(type_: str) -> Iterator[dict[str, Any]]:
    """Rules that read a type of resource."""
    paths = list(_fhir_paths(type_))
    known = next((path.text for path in paths if path.token), f"{type_}.id")
    return _rules(paths, known, when=f"{type_}.id")


def _v2_paths() -> Iterator[_Path]:
    """Of every field the first component that may be read, and all that give tokens."""
    policy = Policy()
    for segment, rows in FIELDS.items():
        for field, row in rows.items():
            last = max([len(components_of(kind)) for kind in row.datatypes] + [1])
            said = {one: policy.treatment(segment, field, one).treatment for one in range(1, last + 1)}
            for wanted, most in (("token", last), ("keep", 1)):
                parts = [one for one, word in said.items() if word == wanted]
                yield from (_Path(f"{segment}-{field}.{one}", wanted == "token") for one in parts[:most])


def _fhir_paths(type_: str) -> Iterator[_Path]:
    """Every element of a type that may be read, and what may be read in it."""
    readers = FhirReaders(FhirPolicy())
    for place in fhir_table().rows:
        if place[0] == type_:
            for leaf in _LEAVES:
                path = ".".join(place) + leaf
                with suppress(Forbidden, Misconfigured):
                    yield _Path(path, readers.reader(path, "value").rule.treatment == "token")
