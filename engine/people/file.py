"""The people file: who may what, and within which limits."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from pydantic import Field, StringConstraints

from engine.config.finding import Finding, Problem
from engine.config.reading import MAX_BYTES, read_yaml
from engine.config.spec.words import Strict
from engine.config.validation import validate
from engine.errors import Misconfigured
from engine.people.keys import NAME, make_key
from engine.people.words import Limits, Person, Role
from engine.slow_hashes import hash_of, is_hash

__all__ = ["People", "add_person", "examine_people", "read_people", "renew_key"]


class PersonSpec(Strict):
    """One person."""

    name: Annotated[str, StringConstraints(pattern=rf"^{NAME.pattern}$")] = Field(
        description="A short name, in lower case: what the audit says."
    )
    who: str = Field(
        min_length=3,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Which human being this is, and from where.",
    )
    roles: list[Literal["asker", "approver", "author", "reviewer"]] = Field(
        min_length=1,
        description="asker, approver: of who is behind a token; author, reviewer: of editions.",
    )
    key: str = Field(description="The slow hash of the key: `wardline person add` makes it.")
    certificates: list[str] = Field(
        [],
        description="Of these the connection must show one: names (SAN) or `sha256:` thumbprints.",
    )


class LimitsSpec(Strict):
    """Requests within an hour."""

    alone: int = Field(20, ge=0, le=20, description="What a person may ask without another one's approval.")
    person: int = Field(60, ge=1, le=1000, description="What a person may ask at all.")
    everybody: int = Field(200, ge=1, le=10_000, description="What all together may ask.")


class PeopleSpec(Strict):
    """The whole file."""

    limits: LimitsSpec = Field(
        LimitsSpec(alone=20, person=60, everybody=200), description="Requests within an hour."
    )
    people: list[PersonSpec] = Field(min_length=1, description="Who may come.")


class People(msgspec.Struct, frozen=True):
    """The people of a file by name, their limits, and the digest of the file (hexadecimal)."""

    people: Mapping[str, Person]
    limits: Limits
    digest: str


EMPTY: Final = "people:\n"


def read_people(path: Path, *, asks: bool = True) -> People:
    """The people of a file; `asks` is whether connections are asked for certificates. Raises `Misconfigured`
    that lists the errors found."""
    people, findings = examine_people(path)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors or people is None:
        raise Misconfigured("\n".join(map(str, errors)), hint="see `wardline person check`")
    shown = [person.name for person in people.people.values() if person.certificates]
    if shown and not asks:
        raise Misconfigured(
            f"nobody asks {shown[0]} for a certificate",
            where=str(path),
            hint="WARDLINE_REIDENTIFY_CLIENT_CA: the authority that signs them",
        )
    return people


def examine_people(path: Path) -> tuple[People | None, list[Finding]]:
    """The people of a file as far as it could be understood, and what is wrong with it. Raises
    `Misconfigured` when it cannot be read, or when others may change it."""
    return _examine(_read(path), str(path))


def add_person(path: Path, name: str, who: str, roles: Sequence[Role], certificates: Sequence[str]) -> str:
    """Write one more person at the end of a file, which is made when there is none; the key, which is nowhere
    else. Raises `Misconfigured`."""
    before = _read(path).decode("utf-8", "replace") if path.exists() else EMPTY
    key = make_key(name)
    lines = [f"  - name: {name}", f"    who: {_quoted(who)}", f"    roles: [{', '.join(roles)}]"]
    if certificates:
        lines.append(f"    certificates: [{', '.join(map(_quoted, certificates))}]")
    lines.append(f"    key: {hash_of(key)}")
    _write(path, before.rstrip("\n") + "\n" + "\n".join(lines) + "\n", name)
    return key


def renew_key(path: Path, name: str) -> str:
    """Give a person a new key, which ends the old one. Raises `Misconfigured`."""
    person = read_people(path).people.get(name)
    if person is None:
        raise Misconfigured("nobody has this name", where=str(path))
    key = make_key(name)
    _write(path, _read(path).decode().replace(person.key, hash_of(key)), name)
    return key


def _examine(raw: bytes, shown: str) -> tuple[People | None, list[Finding]]:
    reading = read_yaml(raw, shown)
    if reading.data is None:
        return None, reading.findings
    spec, problems = validate(PeopleSpec, reading.data)
    people = None
    if spec is not None:
        problems += _side_by_side(spec)
        people = People(
            {one.name: _person(one) for one in spec.people},
            Limits(spec.limits.alone, spec.limits.person, spec.limits.everybody),
            sha256(raw).hexdigest(),
        )
    return people, sorted({reading.positions.finding(problem) for problem in problems})


def _person(spec: PersonSpec) -> Person:
    return Person(
        spec.name, spec.who, frozenset(map(Role, spec.roles)), spec.key, frozenset(spec.certificates)
    )


def _side_by_side(spec: PeopleSpec) -> Iterator[Problem]:
    """What two people cannot share, because then one could approve what the other asks; and hashes that are
    none."""
    names, humans, certificates, keys = set[str](), set[str](), set[str](), set[str]()
    for at, one in enumerate(spec.people):
        place = ("people", at)
        if not is_hash(one.key):
            yield Problem((*place, "key"), "not the hash of a key", "wardline person add, or renew")
        if one.name in names:
            yield Problem((*place, "name"), "somebody has this name already")
        if _human(one.who) in humans:
            yield Problem(
                (*place, "who"), "this human being is here already", "one entry each: nobody is two"
            )
        if certificates.intersection(one.certificates):
            yield Problem((*place, "certificates"), "somebody else is known by this certificate")
        if one.key in keys:
            yield Problem((*place, "key"), "somebody else has this key")
        names.add(one.name)
        humans.add(_human(one.who))
        certificates.update(one.certificates)
        keys.add(one.key)


def _human(text: str) -> str:
    """A name without what spelling adds: case, accents, spaces, signs, the order of its parts."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    words = "".join(
        letter if letter.isalnum() else " " for letter in plain if not unicodedata.combining(letter)
    )
    return " ".join(sorted(words.split()))


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _read(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Misconfigured(f"the people file cannot be read: {error.strerror}", where=str(path)) from None
    with os.fdopen(handle, "rb") as file:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode) or mode & 0o022:
            raise Misconfigured("others may change the people file", where=str(path), hint="chmod 640")
        return file.read(MAX_BYTES + 1)


def _write(path: Path, text: str, name: str) -> None:
    """Replace the file in one step, if what it says then is right and names this person."""
    people, findings = _examine(text.encode(), str(path))
    if findings:
        raise Misconfigured("\n".join(map(str, findings)))
    if people is None or name not in people.people:
        said = "the new entry does not stand where people do"
        raise Misconfigured(said, where=str(path), hint="`people:` has to be its last key")
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(handle)
            _as_before(handle, path)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Misconfigured(f"the people file cannot be written: {error.strerror}", where=str(path)) from None


def _as_before(handle: int, path: Path) -> None:
    """Whoever could read the file before can read it still, also when root has changed it."""
    if path.exists():
        before = path.stat()
        os.fchown(handle, before.st_uid, before.st_gid)
        os.fchmod(handle, stat.S_IMODE(before.st_mode))
