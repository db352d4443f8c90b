"""Where the ring may come from besides the environment and a file: a command, or a token that speaks PKCS#11.

A command prints the ring: what reaches a key management service, a credential store or a password manager is
one line of an operator's (`WARDLINE_KEY_COMMAND`). A PKCS#11 token (version 2.40 and later: HSMs, smart
cards, SoftHSM) never gives its key away: the key file holds the ring encrypted with it (AES-GCM), and opens
only where the token is.
"""

from __future__ import annotations

import base64
import binascii
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from engine.errors import Misconfigured
from engine.secret_files import read_secret

__all__ = ["COMMAND_VARIABLE", "PKCS11_VARIABLE", "Token", "printed"]

COMMAND_VARIABLE: Final = "WARDLINE_KEY_COMMAND"
PKCS11_VARIABLE: Final = "WARDLINE_KEY_PKCS11"

_SECONDS: Final = 60.0
_MOST: Final = 64 * 1024
_NONCE: Final = 12
_TAG_BITS: Final = 128
_MARK: Final = "pkcs11:"
_BOUND: Final = b"wardline/1/key-file"


def printed(command: str) -> str:
    """What the command prints: a ring as `WARDLINE_KEY` would hold it. No shell is involved.

    Raises `Misconfigured` when it cannot be run, fails or takes longer than a minute; of what it said
    nothing is told."""
    try:
        words = shlex.split(command)
        done = subprocess.run(  # noqa: S603 - the operator's own command
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, ValueError, IndexError) as error:
        why = os.strerror(error.errno or 0) if isinstance(error, OSError) else "it does not read as a command"
        raise Misconfigured(f"cannot be run: {why}", where=COMMAND_VARIABLE) from None
    except subprocess.TimeoutExpired:
        raise Misconfigured(f"did not end within {_SECONDS:.0f} seconds", where=COMMAND_VARIABLE) from None
    if done.returncode or len(done.stdout) > _MOST:
        raise Misconfigured(
            f"ended with status {done.returncode}", where=COMMAND_VARIABLE, hint="run it by hand and see"
        )
    return done.stdout.decode("ascii", "replace")


class Token:
    """A key on a PKCS#11 token, named by `module=PATH;token=LABEL;label=LABEL;pin=file:PATH`."""

    def __init__(self, text: str) -> None:
        """Raises `Misconfigured` for a text that does not name module, token, label and pin."""
        said = dict(part.strip().partition("=")[::2] for part in text.split(";") if part.strip())
        if set(said) != {"module", "token", "label", "pin"} or not all(said.values()):
            raise Misconfigured(
                "does not name a key",
                where=PKCS11_VARIABLE,
                hint="module=/usr/lib/…/libsofthsm2.so;token=wardline;label=wardline;pin=file:/run/…/pin",
            )
        self._said: Mapping[str, str] = said

    def seal(self, ring: str) -> str:
        """A ring as a key file holds it."""
        nonce = os.urandom(_NONCE)
        with self._key() as (key, how):
            sealed: bytes = key.encrypt(ring.encode(), **how(nonce))
        return f"{_MARK}{base64.b64encode(nonce + sealed).decode()}\n"

    def open(self, text: str, where: str) -> str:
        """The ring that a key file holds. Raises `Misconfigured` for a file of another kind or key."""
        try:
            sealed = base64.b64decode(text.strip().removeprefix(_MARK), validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        if not text.startswith(_MARK) or len(sealed) <= _NONCE:
            raise Misconfigured(
                "the key file is not sealed by a PKCS#11 token", where=where, hint="wardline vault seal-ring"
            )
        with self._key() as (key, how):
            opened: bytes = key.decrypt(sealed[_NONCE:], **how(sealed[:_NONCE]))
        return opened.decode("ascii", "replace")

    @contextmanager
    def _key(self) -> Iterator[tuple[Any, Any]]:
        try:
            import pkcs11
        except ImportError:
            raise Misconfigured(
                "needs the extra `pkcs11`", where=PKCS11_VARIABLE, hint="pip install 'wardline[pkcs11]'"
            ) from None

        def how(nonce: bytes) -> dict[str, Any]:
            param = pkcs11.GCMParams(nonce=nonce, aad=_BOUND, tag_bits=_TAG_BITS)
            return {"mechanism": pkcs11.Mechanism.AES_GCM, "mechanism_param": param}

        try:
            token = pkcs11.lib(self._said["module"]).get_token(token_label=self._said["token"])
            with token.open(user_pin=self._pin()) as session:
                kind = pkcs11.KeyType.AES, pkcs11.ObjectClass.SECRET_KEY
                key = session.get_key(label=self._said["label"], key_type=kind[0], object_class=kind[1])
                yield key, how
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            raise Misconfigured(
                f"the token refused ({type(error).__name__})",
                where=PKCS11_VARIABLE,
                hint="are module, token, label and pin right, and is the key file of this key?",
            ) from None

    def _pin(self) -> str:
        pin = self._said["pin"]
        return read_secret(Path(pin[5:]), "pin file").strip() if pin.startswith("file:") else pin
