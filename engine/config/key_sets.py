"""Sets of public keys as a clients file names them: written there, in a file beside it, or published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.access.clients import Keys
from engine.access.jwk import Algorithm, read_jwks
from engine.access.jwt import read_json
from engine.access.keys import MAX_SET
from engine.config.finding import Place, Problem

__all__ = ["Say", "is_https", "keys_of"]

Say = Callable[[Problem], None]


def keys_of(
    jwks: str | dict[str, Any] | None,
    place: Place,
    folder: Path,
    algorithms: Sequence[Algorithm],
    say: Say,
) -> Keys:
    """Where public keys come from: the set itself, a file in `folder`, or a URL. What is wrong with what is
    at `place` is said; so is a set without a key that can sign in one of these ways."""
    if jwks is None:
        return Keys()
    if isinstance(jwks, str) and "://" in jwks:
        if not is_https(jwks):
            say(Problem(place, "keys come over https only", "https://host/path"))
        return Keys(url=jwks)
    within: Place = place
    if isinstance(jwks, str):
        found = _from_file(folder, jwks)
        if isinstance(found, str):
            say(Problem(place, found, "a JWK Set as JSON, in a file beside this one"))
            return Keys(registered=read_jwks({})[0])
        jwks, within = found, ()
    keys, problems = read_jwks(jwks)
    for problem in problems:
        where = ".".join(map(str, problem.place))
        text = problem.text if within else f"{where}: {problem.text}"
        say(Problem((*place, *problem.place) if within else place, text))
    usable = any(key.fits(key.kid, algorithm) for key in keys.keys for algorithm in algorithms)
    if not usable and not problems:
        say(Problem(place, f"none of these keys can sign as {' or '.join(algorithms)}", "ES384: curve P-384"))
    return Keys(registered=keys)


def _from_file(folder: Path, name: str) -> dict[str, Any] | str:
    """The JWK Set in a file, or what is wrong with it."""
    path = folder / name
    if Path(name).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        return "a key set lies beside the clients file"
    try:
        with path.open("rb") as file:
            found = read_json(file.read(MAX_SET))
    except OSError as error:
        return f"the file cannot be read: {error.strerror}"
    except ValueError:
        return "the file is no JSON"
    return found if isinstance(found, dict) else "the file is no JWK Set"


def is_https(url: str) -> bool:
    """Whether it is an address that keys may be asked for: https, nobody's password in it."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme == "https"
            and bool(parts.hostname)
            and not parts.fragment
            and "@" not in parts.netloc
            and parts.port != 0
        )
    except ValueError:
        return False
