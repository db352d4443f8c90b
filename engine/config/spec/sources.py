"""Where messages come from: what an analyst may write under `source:`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from engine.config.spec.words import Strict
from engine.fhir.releases import Release

__all__ = [
    "FhirSource",
    "FolderSource",
    "Hl7Source",
    "Interaction",
    "LinkTlsSpec",
    "MllpSource",
    "Source",
    "SourceSpec",
    "TlsSpec",
]

Interaction = Literal["create", "read", "update", "patch", "delete", "search", "history"]
ResourceType = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]{1,63}$")]


class TlsSpec(Strict):
    """TLS on the listener. Paths, or names of environment variables that hold them (`env:NAME`)."""

    certificate: str = Field(description="Its certificate, with the chain.")
    key: str = Field(description="The certificate's key.")
    client_ca: str | None = Field(None, description="With it, senders must show a certificate of this CA.")
    client_names: list[str] = Field([], description="Names (SAN) a sender's certificate may carry.")


class LinkTlsSpec(Strict):
    """TLS on a link that we open. Paths, or names of environment variables that hold them (`env:NAME`)."""

    server_name: str = Field("", description="Name its certificate must carry; default: the host.")
    ca: str | None = Field(None, description="Authority of its certificate; default: the system's.")
    certificate: str | None = Field(None, description="Our own, where it asks for one.")
    key: str | None = Field(None, description="The certificate's key.")


class Source(Strict):
    """What every door has in common."""

    timezone: str = Field("UTC", description="The sender's zone, for times without an offset.")

    @property
    def largest(self) -> int:
        """Bytes of a message, at most."""
        raise NotImplementedError


class Hl7Source(Source):
    """What the doors of HL7 v2 have in common: what to accept, how to read it, when to answer."""

    message_types: list[str] = Field(min_length=1, description="`ADT^A01`, or `ADT` for all its events.")
    acknowledge: Literal["storage", "transform", "delivery"] = Field(
        "storage",
        description="When the sender is answered: after `storage`, mapping (`transform`) or `delivery`.",
    )
    acknowledge_timeout: int = Field(
        30, ge=1, le=600, description="Seconds a sender may wait for its outcome."
    )
    acknowledge_late: Literal["accept", "error"] = Field(
        "accept", description="What the sender is told when `delivery` takes longer: AA or AE."
    )
    respond: Literal["order", "master", ""] = Field(
        "",
        description="`order`: the answer to an order says what became of it (ORS, ORR … with ORC); `master`: "
        "that to a master file, of its records (MFK), when MFI-6 asks for it.",
    )
    ack_mode: Literal["auto", "original", "enhanced", "never", "always"] = Field(
        "auto", description="`auto` follows MSH-15 and MSH-16 of each message; the others override them."
    )
    processing_ids: list[str] = Field(
        ["P"], description="Values of MSH-11 that are taken: `P` production, `T` training, `D` debugging."
    )
    versions: list[str] = Field([], description="Versions accepted; empty: 2.1 to 2.9.")
    control_id: Literal["required", "optional"] = Field("required", description="May MSH-10 be empty?")
    control_id_reuse: Literal["accept", "reject"] = Field(
        "accept", description="An MSH-10 used before for other content: a new message, or AE 205."
    )
    filtered: Literal["accept", "reject"] = Field("accept", description="What a filtered message is told.")
    charset: str = Field(
        "", description="For 8-bit text whose MSH-18 is empty; empty: UTF-8 where it is valid, else cp1252."
    )
    charset_strict: bool = Field(False, description="8-bit text whose MSH-18 is empty gets AE 102.")
    batch_answers: Literal["all", "failed"] = Field(
        "all", description="What the answer to a batch (BHS) holds: every acknowledgement, or the bad ones."
    )
    batch_atomic: bool = Field(
        False, description="A batch whose counts or order do not hold is refused whole."
    )
    fragment_timeout: int = Field(
        900, ge=1, le=604800, description="Seconds until a message sent in pieces (DSC) must be complete."
    )


class MllpSource(Hl7Source):
    """HL7 v2 over MLLP: where to listen, who may connect."""

    listen: str = Field(description="`tcp:PORT` (loopback), `tcp:ADDRESS:PORT`, or `env:NAME`.")
    tls: TlsSpec | None = Field(None, description="TLS on the listener.")
    insecure_ok: bool = Field(False, description="Plain MLLP on an address other than loopback.")
    allow: list[str] = Field([], description="Networks (CIDR) that may connect; empty: any.")
    max_frame: int = Field(16 * 1024 * 1024, ge=65536, le=268435456, description="Bytes.")
    max_connections: int = Field(64, ge=1, le=10000, description="Connections at once.")
    max_connections_per_peer: int = Field(
        8, ge=1, le=10000, description="Connections at once from one address."
    )
    batch_headers: Literal["required", "optional"] = Field(
        "required", description="`optional`: several messages in one frame are a batch without BHS too."
    )
    max_batch: int = Field(10_000, ge=1, le=30_000, description="Messages of one batch.")
    require_cr: bool = Field(False, description="A frame whose last segment has no CR is refused.")
    app_ack: Literal["same", "separate"] = Field(
        "same", description="Application answers in enhanced mode: this connection, or a link of their own."
    )
    app_ack_to: str = Field("", description="That link: `tcp:HOST:PORT`, or `env:NAME`.")
    app_ack_tls: LinkTlsSpec | None = Field(None, description="TLS on the link of application answers.")
    sequence_numbers: bool = Field(False, description="The sequence number protocol: MSH-13 and MSA-4.")
    store_unavailable: Literal["close", "nack"] = Field(
        "close", description="When nothing can be stored: close without an answer, or AR/CE first."
    )
    mllp_release: Literal["1", "2"] = Field("1", description="`2`: commit acknowledgement blocks (06, 15).")
    idle_timeout: int = Field(0, ge=0, description="Seconds; 0: connections stay open for days.")

    @property
    def largest(self) -> int:
        return self.max_frame


class FolderSource(Hl7Source):
    """HL7 v2 in files that somebody puts into a folder: single messages, several, or batches."""

    path: str = Field(min_length=1, description="The folder, or `env:NAME` that holds it.")
    pattern: str = Field("*.hl7", min_length=1, description="Which names are files of messages.")
    order: Literal["time", "name"] = Field("time", description="Which of several files is taken first.")
    settle: int = Field(
        10, ge=0, le=3600, description="Seconds without a change before a file is complete; 0: at once."
    )
    every: int = Field(5, ge=1, le=3600, description="Seconds between looks into the folder.")
    answers: Literal["none", "file"] = Field(
        "none", description="`file`: acknowledgements as a batch, `answers/NAME.ack`."
    )
    max_message: int = Field(16 * 1024 * 1024, ge=65536, le=268435456, description="Bytes.")
    max_file: int = Field(1024**3, ge=65536, le=1024**4, description="Bytes.")
    keep_days: int = Field(30, ge=0, le=3650, description="How long files stay in `done/`.")

    @property
    def largest(self) -> int:
        return self.max_message


class FhirSource(Source):
    """FHIR over HTTP: where to listen, which resources, who may do what."""

    listen: str = Field(
        description="`tcp:PORT` (loopback), `tcp:ADDRESS:PORT`, or `env:NAME`; channels may share it."
    )
    base_url: str = Field(
        "",
        description="This address as clients write it, `https://wardline.example:8480`: in links, and whom "
        "access tokens are for; default: what `listen` says.",
    )
    tls: TlsSpec | None = Field(None, description="TLS on the listener.")
    insecure_ok: bool = Field(False, description="Plain HTTP on an address other than loopback.")
    releases: list[Release] = Field(
        ["R4", "R4B", "R5"], min_length=1, description="Spoken here, each at `/fhir/RELEASE`."
    )
    resources: dict[ResourceType, list[Interaction]] = Field(
        min_length=1,
        description="Type → what clients may do with it: `create`, `read`, `update`, `patch`, `delete`, "
        "`search`, `history`.",
    )
    clients: str = Field(min_length=1, description="The file that lists who may connect, beside this one.")
    identifiers: Literal["any", "unique"] = Field(
        "any",
        description="`unique`: a create with an identifier that is there already gives that resource when "
        "it says the same, else 409.",
    )
    max_body: int = Field(1024 * 1024, ge=1024, le=268435456, description="Bytes of one resource.")
    max_bundle: int = Field(10 * 1024 * 1024, ge=1024, le=268435456, description="Bytes of a Bundle.")
    max_entries: int = Field(1000, ge=1, le=30_000, description="Entries of a Bundle.")
    rate: int = Field(200, ge=1, le=100_000, description="Requests a second, of one client.")

    @property
    def largest(self) -> int:
        return self.max_bundle


class SourceSpec(Strict):
    """Where messages come from: exactly one kind."""

    mllp: MllpSource | None = Field(None, description="HL7 v2 over MLLP.")
    folder: FolderSource | None = Field(None, description="HL7 v2 in files.")
    fhir: FhirSource | None = Field(None, description="Resources of FHIR over HTTP.")

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        if [self.mllp, self.folder, self.fhir].count(None) != 2:
            raise PydanticCustomError("one_kind", "a source has exactly one kind")
        return self

    @property
    def door(self) -> MllpSource | FolderSource | FhirSource:
        """The one that is given."""
        door = self.mllp or self.folder or self.fhir
        assert door is not None  # noqa: S101 - the validator saw to it
        return door

    @property
    def hl7(self) -> MllpSource | FolderSource | None:
        """The one that is given, of those that HL7 v2 comes through."""
        return self.mllp or self.folder

    @property
    def place(self) -> tuple[str, str]:
        """Where it stands in the file."""
        return "source", "mllp" if self.mllp else "folder" if self.folder else "fhir"
