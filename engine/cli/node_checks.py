"""What the doctor says of the node itself, whatever Odoo is like."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from engine.alerting.limits import limits_of
from engine.alerting.routes import routes_of
from engine.app.opening import made_reader, open_settings
from engine.destinations.odoo.named import Check
from engine.errors import Misconfigured, Unavailable
from engine.people.file import read_people
from engine.people.words import Role
from engine.retention import DAY
from engine.settings import Settings
from engine.store.sql import store_file

__all__ = ["node_checks"]


def node_checks(settings: Settings) -> Iterator[Check]:
    """One line for each thing that an officer would ask about."""
    yield _audit(settings)
    yield _deploying(settings)
    yield _vault(settings)
    yield _cabinet(settings)
    yield _alerting(settings)
    if store_file(settings.store) is None:
        yield _overdue(settings)


def _audit(settings: Settings) -> Check:
    """Whether an older copy of the store would be told from the store."""
    file, store = settings.audit_checkpoints, store_file(settings.store)
    if file is None:
        return Check(
            "warn", "audit", "signed checkpoints are kept in the store and the log alone",
            "WARDLINE_AUDIT_CHECKPOINTS=FILE, where a store that is rolled back does not reach",
        )  # fmt: skip
    beside = file if file.exists() else file.parent
    if not os.access(beside, os.W_OK):
        return Check("fail", "audit", f"{file} cannot be written", "it takes the signed checkpoints")
    if store is not None and store.exists() and store.resolve().parent == file.resolve().parent:
        return Check(
            "warn", "audit", "the file of checkpoints lies beside the store",
            "who restores an older copy of the folder restores both: put it on another disk",
        )  # fmt: skip
    return Check("ok", "audit", f"signed checkpoints go to {file}")


def _alerting(settings: Settings) -> Check:
    """Whether anybody is told when something stands still."""
    if not settings.notify:
        return Check(
            "warn", "alerts", "nobody is told of the node, nor of channels that name no route",
            "WARDLINE_NOTIFY and WARDLINE_NOTIFY_<ROUTE>_URL (docs/manual/alerts.md)",
        )  # fmt: skip
    try:
        limits_of(settings.alerts)
        routes = routes_of(settings.notify, os.environ, insecure_ok=settings.insecure_ok)
    except Misconfigured as error:
        return Check("fail", "alerts", str(error), "docs/manual/alerts.md")
    told = ", ".join(f"{name} ({route.kind})" for name, route in routes.items())
    return Check("ok", "alerts", f"told: {told}; wardline alerts test ROUTE tries one")


def _deploying(settings: Settings) -> Check:
    """Whether one person alone can make channels run."""
    if settings.mode != "production":
        return Check(
            "warn", "deploying", "whoever deploys channels makes them run alone",
            "WARDLINE_MODE=production and WARDLINE_PEOPLE, for commands and the engine",
        )  # fmt: skip
    if settings.people is None:
        return Check("fail", "deploying", "nobody can deploy or approve", "WARDLINE_PEOPLE=FILE")
    try:
        people = read_people(settings.people).people.values()
    except Misconfigured as error:
        return Check("fail", "deploying", f"{error.where} {error.text}".strip(), error.hint)
    authors = {one.name for one in people if Role.AUTHOR in one.roles}
    reviewers = {one.name for one in people if Role.REVIEWER in one.roles}
    if not any(author != reviewer for author in authors for reviewer in reviewers):
        return Check(
            "fail", "deploying", "no author has a reviewer who is somebody else",
            "wardline person add --role author, --role reviewer",
        )  # fmt: skip
    return Check("ok", "deploying", f"authors: {len(authors)}, reviewers: {len(reviewers)}")


def _overdue(settings: Settings) -> Check:
    """Whether entries of the audit stay past their years because this database user may not remove them."""
    file = store_file(settings.store)
    if file and not file.exists():
        return Check("ok", "audit purge", f"there is no store at {file} yet: wardline run makes it")
    try:
        store = open_settings(settings)
    except (Misconfigured, Unavailable):
        return Check("fail", "audit purge", "the store cannot be opened", "wardline status says why")
    try:
        overdue = store.has_past(time.time() - settings.keep_audit * DAY) and not store.may_purge_audit()
    finally:
        store.close()
    if overdue:
        return Check(
            "warn", "audit purge", "entries stay past their years: this database user may not remove them",
            "as the database's owner: wardline purge",
        )  # fmt: skip
    return Check("ok", "audit purge", "no entry of the audit has to be removed by somebody else")


def _cabinet(settings: Settings) -> Check:
    """Whether a backup of the store would hold the keys that are to be destroyed."""
    store, apart = store_file(settings.store), settings.cabinet
    if store is None and not apart:
        return Check(
            "warn", "cabinet", "the keys of contents and persons lie in the store's own database",
            "pg_dump --exclude-schema=wardline_cabinet, or WARDLINE_CABINET: else a backup holds them too",
        )  # fmt: skip
    file = store_file(apart) if apart else store
    if store and file and file.resolve().parent == store.resolve().parent:
        return Check(
            "warn", "cabinet", "the keys of contents and persons lie beside the store",
            "leave *.cabinet out of the store's backups and overwrite its copy, or name WARDLINE_CABINET",
        )  # fmt: skip
    return Check("ok", "cabinet", "the keys of contents and persons lie apart from the store")


def _vault(settings: Settings) -> Check:
    """Whether what processes messages could open what it sealed."""
    try:
        reader = made_reader(settings)
    except Misconfigured as error:
        return Check("fail", "vault", f"{error.where} {error.text}", error.hint)
    if reader is None:
        return Check(
            "warn", "vault", "identifiers are sealed for the root key's holders: the engine could open them",
            "wardline vault keygen, then WARDLINE_REIDENTIFY_PUBLIC and wardline vault rotate",
        )  # fmt: skip
    if settings.reidentify_private is not None:
        return Check(
            "warn", "vault", "the private key that opens identifiers is set here too",
            "WARDLINE_REIDENTIFY_PRIVATE belongs to re-identification and rotation, not to the engine",
        )  # fmt: skip
    return Check("ok", "vault", f"identifiers are sealed for {reader.id}, which is not here")
