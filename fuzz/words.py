"""What stands in the head of a request beside its address: right, odd, or hostile."""

from __future__ import annotations

from random import Random
from typing import Final

from fuzz.spoiling import CANARY, canary

__all__ = ["BODY_KINDS", "UNFRAMED", "authority", "query", "wishes"]

_ACCEPT: Final = f"""\
application/fhir+json
application/fhir+xml
application/xml
*/*
text/html
{CANARY}/x
application/fhir+json; fhirVersion=4.0
a;q=x,application/xml;q=0.1
;;,,=""".split("\n")
_PREFER: Final = f"""\
return=minimal
return=representation
return=OperationOutcome
handling=strict
handling=lenient
respond-async
{CANARY}
=,;=
return=minimal, handling=strict, respond-async""".split("\n")
_PROVENANCE: Final = f"""\
{{
[]
{CANARY}
{{"resourceType":"Provenance"}}
{{"resourceType":"Provenance","target":[],"agent":1}}""".split("\n")
BODY_KINDS: Final = f"""\
text/plain

{CANARY}/{CANARY}
application/fhir+json; charset=utf-16
application/fhir+json; fhirVersion=5.0
application/json
;
application/xml""".split("\n")
UNFRAMED: Final = f"""\
Content-Length: -1
Content-Length: {CANARY}
Content-Length: {"9" * 30}
Transfer-Encoding: chunked
Transfer-Encoding: {CANARY}
{CANARY}: x
: x
Expect: 100-continue
Upgrade: websocket
Connection: Upgrade""".split("\n")
"""Lines of a head that does not fit its body, or is none."""

_PARAMETERS: Final = f"""\
identifier status date _lastUpdated _id subject patient code _count _cursor _sort _format _summary _include
category occurrence focus context entered-date _total _elements target requester {CANARY}""".split()
_MODIFIERS: Final = ["", "", "", ":exact", ":not", ":missing", f":{CANARY}", ".name"]
_VALUES: Final = f"""\
active urn:o|A1 | || |A1 urn:o| ge2026-01-01 lt2026-13-45 eq2026 0 -1 5 99999999999999999999 Patient/1
Patient/ http://127.0.0.1/Patient/1 , a,b \\, %00 %ff % 2026-11-22T10:00:00+99:99 ap2026-11-22 xml json
9999-12-31T23:59:59Z 0001-01-01 ne0000 {"a" * 2000}""".split()


def authority(dice: Random, key: str) -> dict[str, str]:
    """Nearly always the right one."""
    if dice.random() < 0.97:
        return {"Authorization": f"Bearer {key}"}
    made_up = ["", CANARY, f"{CANARY}.{CANARY}.{CANARY}", "eyJhbGciOiJub25lIn0.e30.", key[:-1], "a" * 5000]
    return dice.choice([{}, {"Authorization": f"{dice.choice(['Bearer', 'Basic'])} {dice.choice(made_up)}"}])


def wishes(dice: Random) -> dict[str, str]:
    """How the answer should be."""
    found = {}
    for name, chance, values in (
        ("Accept", 0.15, _ACCEPT),
        ("Prefer", 0.2, _PREFER),
        ("X-Provenance", 0.05, _PROVENANCE),
        ("Accept-Encoding", 0.2, ["gzip"]),
    ):
        if dice.random() < chance:
            found[name] = dice.choice(values)
    return found


def query(dice: Random) -> str:
    """A query string, each part right or odd."""
    parts = []
    for _ in range(dice.choice([0, 1, 1, 2, 3])):
        name = dice.choice(_PARAMETERS) + dice.choice(_MODIFIERS)
        value = dice.choice([*_VALUES, canary(dice), f"urn:o|{canary(dice)}"])
        parts.append(f"{name}={value}" if dice.random() < 0.95 else name)
    return dice.choice(["&", "&", "&", ";", "&&"]).join(parts)
