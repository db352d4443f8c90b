"""What a node is told by its environment. Channels name connections; addresses and keys live here."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from engine.errors import Misconfigured
from engine.model import Retention

__all__ = ["Settings", "names_in"]

SIX_YEARS: Final = 2192
"""Days that documentation is kept at least (45 CFR 164.316(b)(2)(i))."""

_NAMED: Final = ("WARDLINE_ODOO_", "WARDLINE_MLLP_", "WARDLINE_NOTIFY_")
"""What channels and routes name: connections, receivers, who is told."""

_LEAST: Final = {
    "keep_content": 1,
    "keep_dead": 1,
    "keep_quarantine": 1,
    "keep_duplicates": 1,
    "keep_audit": SIX_YEARS,
}
_WHY_LEAST: Final = {1: "a day's key lives for that day", SIX_YEARS: "the audit is kept for six years"}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One node's settings, from `WARDLINE_*` variables; the command line may replace single ones.

    `store` is a database URL (`sqlite:///var/wardline.db`, `postgresql://…`); `cabinet` the URL of
    the database of keys that may be destroyed (default: beside the store); `http` the address
    of health and metrics; `ledger` a file that takes all effects instead of their destinations
    (dry run); `application`/`facility` what answers call themselves when a sender
    left MSH-5/-6 empty; `bind` the address of listeners that name only a port; `insecure_ok` allows
    plain MLLP beyond loopback for every channel (a closed container network); `drain` the seconds a stop
    may take; `give_up` the days a delivery is tried while its destination is away; `dev_keys` lets FHIR
    clients use static keys (development only); `audit_checkpoints` the file that takes the signed
    checkpoints of the audit too, outside the store; `keep_*` for how many days what is kept
    (`engine.model.Retention`), `keep_audit` the audit; `tenant` whose numbers a channel's are when it does
    not say; `reidentify_public` the public key (or a file with it) that identifiers are sealed for, and
    `reidentify_private` the file that opens them, for re-identification and rotation only; `sites` the
    overlays that are laid over the channels, in turn; `mode` whether a second person approves what is
    deployed (production), `people` the file of those who may; `console` the address of the console that runs
    beside the engine (empty: none), `console_cert` and `console_key` its TLS, `console_url` how people write
    its address, `passwords` whether it takes them, `oidc_*` who tells who somebody is instead (OpenID
    Connect: issuer, client, a file with the client's secret, the claim of groups, which group has which
    role); `notify` the routes that are told of alerts where a channel names none, `alerts` what is watched
    otherwise than by default (`disk: 5%, backup: off`), `heartbeat` an address that is asked once a minute
    while all is well; `environment` what the console calls this installation on every page (default: its
    mode); `reconcile_at` when the books are held against Odoo every day (HH:MM, UTC; or `off`), for
    messages of the last `reconcile_days`; `traces` the collector that traces go to (OTLP over HTTP),
    `trace_share` of how many messages (0 to 1); `disk_reserve` how many megabytes of the store's disk stay
    free: with less nothing new is taken (0: as long as there is any); `log_level` what is logged (`DEBUG`
    shows the signals that are otherwise only counted)."""

    store: str = "sqlite:///var/wardline.db"
    cabinet: str = ""
    key_file: Path | None = None
    ledger: Path | None = None
    audit_checkpoints: Path | None = None
    http: str = "127.0.0.1:8580"
    bind: str = "127.0.0.1"
    insecure_ok: bool = False
    application: str = "WARDLINE"
    facility: str = ""
    drain: float = 20.0
    give_up_days: float = 7.0
    batch: int = 100
    node: str = ""
    dev_keys: bool = False
    disk_reserve: int = 256
    keep_content: int = 30
    keep_dead: int = 90
    keep_quarantine: int = 90
    keep_duplicates: int = 90
    keep_audit: int = SIX_YEARS
    tenant: str = ""
    reidentify_public: str = ""
    reidentify_private: Path | None = None
    sites: tuple[str, ...] = ()
    mode: Literal["development", "production"] = "development"
    people: Path | None = None
    console: str = ""
    console_cert: str = ""
    console_key: str = ""
    console_url: str = ""
    environment: str = ""
    passwords: bool = True
    oidc_issuer: str = ""
    oidc_client: str = ""
    oidc_secret: Path | None = None
    oidc_groups: str = "groups"
    oidc_roles: str = ""
    notify: tuple[str, ...] = ()
    alerts: str = ""
    heartbeat: str = ""
    reconcile_at: str = "04:00"
    reconcile_days: int = 7
    traces: str = ""
    trace_share: float = 1.0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ, **given: object) -> Settings:
        """Settings from the environment; `given` values that are not None win.

        Raises `Misconfigured` when a variable does not read as what it should be, and for one whose name is
        nearly that of a setting: it would be passed over, and `WARDLINE_MOD=production` be no production."""
        _check_names(env)
        found: dict[str, object] = {"node": socket.gethostname()}
        for field in msgspec.structs.fields(cls):
            text = env.get(f"WARDLINE_{field.name.upper()}", "").strip()
            if text:
                found[field.name] = _read(field.name, text, field.type)
        found.update({name: value for name, value in given.items() if value is not None})
        made = cls(**found)  # type: ignore[arg-type]
        made._check_days()
        return made

    @property
    def retention(self) -> Retention:
        """How long what is kept, where a channel does not say otherwise."""
        return Retention(
            content=self.keep_content,
            dead=self.keep_dead,
            quarantine=self.keep_quarantine,
            duplicates=self.keep_duplicates,
        )

    def _check_days(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise Misconfigured(
                    f"is less than {least} days", where=f"WARDLINE_{name.upper()}", hint=_WHY_LEAST[least]
                )


def names_in(text: str) -> tuple[str, ...]:
    """The names in `north, production`."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _check_names(env: Mapping[str, str]) -> None:
    known = {f"WARDLINE_{field.upper()}" for field in Settings.__struct_fields__}
    for name in sorted(name for name in env if name.startswith("WARDLINE_") and not name.startswith(_NAMED)):
        if name not in known and (meant := get_close_matches(name[9:], {one[9:] for one in known}, 1, 0.84)):
            raise Misconfigured("is not a setting", where=name, hint=f"did you mean WARDLINE_{meant[0]}?")


def _read(name: str, text: str, kind: object) -> object:
    if kind == (Path | None):
        return Path(text)
    if kind == tuple[str, ...]:
        return names_in(text)
    try:
        return msgspec.convert(text, type=kind, strict=False)
    except msgspec.ValidationError:
        words = get_args(kind)
        raise Misconfigured(
            f"is none of {', '.join(words)}" if words else "is not a number",
            where=f"WARDLINE_{name.upper()}",
            hint="" if words else "give a plain number such as 20",
        ) from None
