"""A clients file becomes the clients that may come, or a list of findings with file, line and column."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.access.assertions import ASSERTION_ALGORITHMS
from engine.access.clients import Client, Clients, Issuer
from engine.access.scopes import Scopes, read_scope
from engine.config.finding import Finding, Place, Problem
from engine.config.key_sets import Say, is_https, keys_of
from engine.config.positions import Positions
from engine.config.reading import MAX_BYTES, read_yaml
from engine.config.spec import ChannelSpec
from engine.config.spec.clients import ClientSpec, ClientsSpec, IssuerSpec
from engine.config.validation import validate
from engine.errors import Misconfigured
from engine.fhir.resource_types import TYPES
from engine.transforms.wording import meant, near

__all__ = ["clients_of", "examine_clients", "read_clients"]

_ENV = re.compile(r"env:[A-Z][A-Z0-9_]*")
_THUMBPRINT = re.compile(r"sha256:[0-9a-f]{64}")
_LIKE_THUMBPRINT = re.compile(r"(sha-?256:)?[0-9a-f]{2}(:?[0-9a-f]{2}){19,31}", re.IGNORECASE)

_TYPES = frozenset({"*"}).union(*TYPES.values())


def read_clients(path: Path) -> Clients:
    """The clients of a file. Raises `Misconfigured` that lists the errors found."""
    clients, findings = examine_clients(path)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors or clients is None:
        raise Misconfigured("\n".join(map(str, errors)), hint="see `wardline access check`")
    return clients


def examine_clients(path: Path) -> tuple[Clients | None, list[Finding]]:
    """The clients of a file as far as it could be understood, and everything found on the way. Raises
    `Misconfigured` when it cannot be read at all."""
    try:
        with path.open("rb") as file:
            reading = read_yaml(file.read(MAX_BYTES + 1), str(path))
    except OSError as error:
        raise Misconfigured(f"the file cannot be read: {error.strerror}", where=str(path)) from None
    if reading.data is None:
        return None, reading.findings
    spec, problems = validate(ClientsSpec, reading.data)
    if path.stat().st_mode & stat.S_IWOTH:
        problems.append(Problem((), "everyone on this machine may change this file", "chmod o-w", "warning"))
    clients = None
    if spec is not None:
        clients = Clients(
            {
                one.id: _client(one, ("clients", at), path.parent, problems.append)
                for at, one in enumerate(spec.clients)
            },
            {
                one.issuer: _issuer(one, ("issuers", at), path.parent, problems.append)
                for at, one in enumerate(spec.issuers)
            },
        )
        problems += _side_by_side(spec)
    return clients, sorted({reading.positions.finding(problem) for problem in problems})


def clients_of(spec: ChannelSpec, folder: Path, positions: Positions) -> list[Finding]:
    """What is wrong with the clients file of a FHIR channel; nothing for other channels."""
    source = spec.source.fhir
    if source is None:
        return []
    path, place = folder / source.clients, ("source", "fhir", "clients")
    if not path.resolve().is_relative_to(folder.resolve()):
        text, hint = "a clients file lies beside its channel", "fhir/clients.yaml"
    elif not path.is_file():
        there = [str(one.relative_to(folder)) for one in folder.glob("*/*.yaml")]
        hint = near(source.clients, there) or "docs/manual/access.md shows one"
        text = f"there is no file {source.clients}"
    else:
        clients, findings = examine_clients(path)
        if clients is None or (source.tls and source.tls.client_ca):
            return findings
        unasked = [client.id for client in clients.clients.values() if client.certificates]
        if not unasked:
            return findings
        text, hint = f"nobody asks {unasked[0]} for its certificate", "tls: {client_ca: …}"
        return [*findings, positions.finding(Problem(place, text, hint))]
    return [positions.finding(Problem(place, text, hint))]


def _client(spec: ClientSpec, place: Place, folder: Path, say: Say) -> Client:
    for problem in _client_problems(spec, place):
        say(problem)
    keys = keys_of(spec.jwks, (*place, "jwks"), folder, ASSERTION_ALGORITHMS, say)
    return Client(
        id=spec.id,
        scopes=Scopes.of(
            word for at, word in enumerate(spec.scopes) if _is_scope(word, (*place, "scopes", at), say)
        ),
        name=spec.name,
        keys=keys,
        jku=spec.jku or keys.url,
        certificates=frozenset(spec.certificates),
        issuer=spec.issuer,
        key_variable=spec.key.removeprefix("env:"),
        rate=spec.rate,
    )


def _issuer(spec: IssuerSpec, place: Place, folder: Path, say: Say) -> Issuer:
    if spec.token_url and not is_https(spec.token_url):
        say(Problem((*place, "token_url"), "not an https URL"))
    keys = keys_of(spec.jwks, (*place, "jwks"), folder, spec.algorithms, say)
    return Issuer(spec.issuer, spec.audience, keys, tuple(spec.algorithms), spec.token_url)


def _client_problems(spec: ClientSpec, place: Place) -> Iterator[Problem]:
    """What cannot be meant, apart from keys and scopes."""
    proofs = [name for name in ("jwks", "issuer", "key") if getattr(spec, name)]
    if len(proofs) > 1:
        yield Problem((*place, proofs[1]), f"{proofs[1]} beside {proofs[0]}", "one proof for each client")
    if not proofs and not spec.certificates:
        yield Problem(place, "nothing proves who this is", "jwks:, issuer: or certificates:")
    if spec.key and not _ENV.fullmatch(spec.key):
        yield Problem((*place, "key"), "a secret has no place in a file", "write env:NAME")
    if spec.key:
        text = "a static key is for development only"
        yield Problem((*place, "key"), text, "jwks: or certificates:", "warning")
    if spec.jku and not is_https(spec.jku):
        yield Problem((*place, "jku"), "not an https URL")
    for at, name in enumerate(spec.certificates):
        if problem := _certificate_problem(name):
            yield Problem((*place, "certificates", at), *problem)


def _certificate_problem(name: str) -> tuple[str, str] | None:
    if _THUMBPRINT.fullmatch(name):
        return None
    if _LIKE_THUMBPRINT.fullmatch(name):
        return "not a SHA-256 thumbprint", "sha256: and 64 hexadecimal digits in lower case, without colons"
    if not name or (name.lower() != name and ":" not in name) or "*" in name or " " in name:
        return "not a name that certificates carry", "a name in lower case, an address or a URI: no patterns"
    return None


def _is_scope(word: str, place: Place, say: Say) -> bool:
    """Whether a scope can be granted."""
    try:
        found = read_scope(word)
    except ValueError:
        say(Problem(place, "not a scope", "system/TYPE.cruds: letters in this order; or .read, .write, .*"))
        return False
    if found is None:
        say(Problem(place, "not a scope of systems", "system/SupplyRequest.cru"))
    elif found[0] not in _TYPES:
        say(Problem(place, f"FHIR has no {found[0]}", meant(found[0], sorted(_TYPES))))
    return found is not None


def _side_by_side(spec: ClientsSpec) -> Iterator[Problem]:
    """What two clients or issuers cannot share, and issuers that nobody knows."""
    issuers = [issuer.issuer for issuer in spec.issuers]
    for at in _repeated(issuers):
        yield Problem(("issuers", at, "issuer"), "another issuer has this name")
    for at in _repeated([client.id for client in spec.clients]):
        yield Problem(("clients", at, "id"), "another client has this id")
    for at, client in enumerate(spec.clients):
        if client.issuer and client.issuer not in issuers:
            yield Problem(("clients", at, "issuer"), "there is no such issuer", "list it below `issuers:`")
    alone = [
        (name, ("clients", at, "certificates", number))
        for at, client in enumerate(spec.clients)
        for number, name in enumerate(client.certificates)
        if not (client.jwks or client.issuer or client.key)
    ]
    for at in _repeated([name for name, _ in alone]):
        yield Problem(alone[at][1], "another client is known by this certificate")


def _repeated(names: Sequence[str]) -> list[int]:
    """Where names stand that stood before."""
    return [at for at, name in enumerate(names) if name in names[:at]]
