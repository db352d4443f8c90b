"""The shape of a channel file: what an analyst may write, word for word.

Pydantic models of the YAML after `engine.config.reading` has turned every scalar into text with
its position. From these come the checks, `channels/channel.schema.json` and the manual page.
Expressions stay text here; `engine.config.build` compiles them against the privacy policy.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

__all__ = [
    "ChannelSpec", "ChargeRule", "ConsumeRule", "CourseSpec", "CreditRule", "DestinationSpec", "EffectRule",
    "EncounterRule", "FolderSource", "LinkTlsSpec", "MergeRule", "MllpSource", "Owners", "ProcureRule",
    "ReleaseRule",
    "ReserveRule", "Source", "SourceSpec", "TlsSpec", "WarningRule", "WidenSpec",
]  # fmt: skip

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,62}$")]
SegmentName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{2}$")]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""`PATH | function(arguments) | …`, e.g. `FT1-7.1 | lookup(items, item)`; alternatives with `or`."""

Template = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""Text with expressions in braces: `{SCH-1.1}/{AIS-1}`."""

Tests = dict[Expression, str | list[str]]
"""All must hold: an expression, and the value or the list of values it may have."""


class Strict(BaseModel):
    """Unknown keys are findings, not silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Owners(Strict):
    """Who answers for the channel: addresses shown with its dead letters."""

    business: str
    technical: str


class TlsSpec(Strict):
    """TLS on the listener. Paths, or names of environment variables that hold them (`env:NAME`)."""

    certificate: str
    key: str
    client_ca: str | None = Field(None, description="With it, senders must show a certificate of this CA.")
    client_names: list[str] = Field([], description="Names (SAN) a sender's certificate may carry.")


class LinkTlsSpec(Strict):
    """TLS on a link that we open. Paths, or names of environment variables that hold them (`env:NAME`)."""

    server_name: str = Field("", description="Name its certificate must carry; default: the host.")
    ca: str | None = Field(None, description="Authority of its certificate; default: the system's.")
    certificate: str | None = Field(None, description="Our own, where it asks for one.")
    key: str | None = None


class Source(Strict):
    """What every door has in common: what to accept, how to read it, when to answer."""

    message_types: list[str] = Field(min_length=1, description="`ADT^A01`, or `ADT` for all its events.")
    acknowledge: Literal["storage", "transform", "delivery"] = "storage"
    acknowledge_timeout: int = Field(
        30, ge=1, le=600, description="Seconds a sender may wait for its outcome."
    )
    acknowledge_late: Literal["accept", "error"] = Field(
        "accept", description="What the sender is told when `delivery` takes longer: AA or AE."
    )
    respond: Literal["order", ""] = Field(
        "", description="`order`: the answer to an order says what became of it (ORS, ORR … with ORC)."
    )
    ack_mode: Literal["auto", "original", "enhanced", "never", "always"] = "auto"
    processing_ids: list[str] = ["P"]
    versions: list[str] = Field([], description="Versions accepted; empty: 2.1 to 2.9.")
    control_id: Literal["required", "optional"] = "required"
    control_id_reuse: Literal["accept", "reject"] = Field(
        "accept", description="An MSH-10 used before for other content: a new message, or AE 205."
    )
    filtered: Literal["accept", "reject"] = Field("accept", description="What a filtered message is told.")
    charset: str = Field(
        "", description="For 8-bit text whose MSH-18 is empty; empty: UTF-8 where it is valid, else cp1252."
    )
    charset_strict: bool = Field(False, description="8-bit text whose MSH-18 is empty gets AE 102.")
    timezone: str = Field("UTC", description="The sender's zone, for times without an offset.")
    batch_answers: Literal["all", "failed"] = Field(
        "all", description="What the answer to a batch (BHS) holds: every acknowledgement, or the bad ones."
    )
    batch_atomic: bool = Field(
        False, description="A batch whose counts or order do not hold is refused whole."
    )
    fragment_timeout: int = Field(
        900, ge=1, le=604800, description="Seconds until a message sent in pieces (DSC) must be complete."
    )

    @property
    def largest(self) -> int:
        """Bytes of a message, at most."""
        raise NotImplementedError


class MllpSource(Source):
    """HL7 v2 over MLLP: where to listen, who may connect."""

    listen: str = Field(description="`tcp:PORT` (loopback), `tcp:ADDRESS:PORT`, or `env:NAME`.")
    tls: TlsSpec | None = None
    insecure_ok: bool = Field(False, description="Plain MLLP on an address other than loopback.")
    allow: list[str] = Field([], description="Networks (CIDR) that may connect; empty: any.")
    max_frame: int = Field(16 * 1024 * 1024, ge=65536, le=268435456, description="Bytes.")
    max_connections: int = Field(64, ge=1, le=10000)
    max_connections_per_peer: int = Field(8, ge=1, le=10000)
    batch_headers: Literal["required", "optional"] = Field(
        "required", description="`optional`: several messages in one frame are a batch without BHS too."
    )
    max_batch: int = Field(10_000, ge=1, le=30_000, description="Messages of one batch.")
    require_cr: bool = False
    app_ack: Literal["same", "separate"] = Field(
        "same", description="Application answers in enhanced mode: this connection, or a link of their own."
    )
    app_ack_to: str = Field("", description="That link: `tcp:HOST:PORT`, or `env:NAME`.")
    app_ack_tls: LinkTlsSpec | None = None
    sequence_numbers: bool = Field(False, description="The sequence number protocol: MSH-13 and MSA-4.")
    store_unavailable: Literal["close", "nack"] = Field(
        "close", description="When nothing can be stored: close without an answer, or AR/CE first."
    )
    mllp_release: Literal["1", "2"] = Field("1", description="`2`: commit acknowledgement blocks (06, 15).")
    idle_timeout: int = Field(0, ge=0, description="Seconds; 0: connections stay open for days.")

    @property
    def largest(self) -> int:
        return self.max_frame


class FolderSource(Source):
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


class SourceSpec(Strict):
    """Where messages come from: exactly one kind."""

    mllp: MllpSource | None = None
    folder: FolderSource | None = None

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        if (self.mllp is None) == (self.folder is None):
            raise PydanticCustomError("one_kind", "a source has exactly one kind")
        return self

    @property
    def door(self) -> MllpSource | FolderSource:
        """The one that is given."""
        door = self.mllp or self.folder
        assert door is not None  # noqa: S101 - the validator saw to it
        return door

    @property
    def place(self) -> tuple[str, str]:
        """Where it stands in the file."""
        return "source", "mllp" if self.mllp else "folder"


class WidenSpec(Strict):
    """Lets a field through that the policy marks as optional, with a reason and a reviewer."""

    path: str
    to: Literal["keep", "keep-code", "year"]
    reason: str = Field(min_length=10)
    reviewer: str = Field(min_length=3)


class ReserveRule(Strict):
    """These items are wanted there, then."""

    key: Template
    items: Expression | None = Field(None, description="A list of items: `AIS-3.1 | kit(kits)`.")
    item: Expression | None = None
    quantity: Expression | None = None
    unit: Expression | None = None
    source: Expression | None = None
    destination: Expression
    needed_at: Expression | None = None
    needed_on: Expression | None = Field(None, description="The day alone; goes before `needed_at`.")
    priority: Expression | None = None
    subject: Expression | None = None
    encounter: Expression | None = None
    company: Expression | None = None
    procure: bool = True


class ReleaseRule(Strict):
    """No longer wanted; a key ending in `/*` takes every reservation below it."""

    key: Template
    when_unknown: Literal["refuse", "ignore"] = "refuse"
    company: Expression | None = None


class ConsumeRule(Strict):
    """Was used (or, with `reverses`, came back)."""

    key: Template
    items: Expression | None = None
    item: Expression | None = None
    quantity: Expression | None = None
    unit: Expression | None = None
    lot: Expression | None = None
    location: Expression
    subject: Expression | None = None
    encounter: Expression | None = None
    used_on: Expression | None = None
    reverses: Template | None = None
    company: Expression | None = None


class ChargeRule(Strict):
    """Bill this to the encounter."""

    key: Template
    encounter: Expression
    item: Expression
    quantity: Expression
    unit: Expression | None = None
    price: Expression | None = None
    cost_centre: Expression | None = None
    date: Expression | None = None
    subject: Expression | None = None
    company: Expression | None = None


class CreditRule(ChargeRule):
    """Take back the charge whose key `reverses` names."""

    reverses: Template


class ProcureRule(Strict):
    """See that it gets there."""

    key: Template
    items: Expression | None = None
    item: Expression | None = None
    quantity: Expression | None = None
    unit: Expression | None = None
    location: Expression
    by: Expression | None = None
    company: Expression | None = None


class EncounterRule(Strict):
    """Context: whose visit, where, open or closed."""

    key: Template
    subject: Expression
    state: Literal["planned", "open", "closed", "cancelled", "keep"] = Field(
        "keep", description="`keep`: as it stands; an update must not reopen a closed visit."
    )
    kind: Expression | None = None
    location: Expression | None = None
    account: Literal["ended"] | None = Field(
        None, description="`ended`: no charge may follow (BAR^P06); left out, nothing is said of it."
    )
    company: Expression | None = None


class MergeRule(Strict):
    """Two tokens are one."""

    kind: Literal["person", "account", "visit"]
    gone: Expression
    into: Expression


class ProductRule(Strict):
    """What an item master says of an item or service; empty fields say nothing."""

    key: Template
    code: Expression = Field(description="The item's code in the ERP (Odoo: internal reference).")
    name: Expression | None = None
    kind: Expression | None = Field(None, description="`goods` (stocked), `consumable` or `service`.")
    unit: Expression | None = Field(None, description="The item's own unit; fixed once it is in use.")
    barcode: Expression | None = None
    tracking: Expression | None = Field(None, description="`none`, `lot` or `serial`.")
    expires: Expression | None = Field(None, description="`yes` or `no`: its lots have an expiry date.")
    status: Expression | None = Field(None, description="`active` or `inactive`.")
    company: Expression | None = None


class OfferRule(Strict):
    """A vendor's price of an item, per unit of packaging."""

    key: Template
    code: Expression
    vendor: Expression = Field(description="Name or reference of the vendor in the ERP.")
    unit: Expression | None = Field(None, description="The packaging that the price is for.")
    price: Expression | None = None
    package_quantity: Expression | None = Field(
        None, description="Of the item's own unit in one packaging; refused where the ERP's unit differs."
    )
    vendor_code: Expression | None = Field(None, description="The vendor's own catalogue number.")
    primary: Expression | None = Field(None, description="`yes`: bought here first.")
    company: Expression | None = None


class PriceRule(Strict):
    """What an item or service is billed at."""

    key: Template
    code: Expression
    price: Expression
    price_list: Expression | None = Field(None, description="Without one it is the price everywhere.")
    from_quantity: Expression | None = None
    valid_from: Expression | None = None
    valid_until: Expression | None = None
    company: Expression | None = None


class StockingRule(Strict):
    """When a location orders an item anew, and how much."""

    key: Template
    code: Expression
    location: Expression
    reorder_point: Expression | None = None
    reorder_amount: Expression | None = None
    unit: Expression | None = None
    status: Expression | None = Field(None, description="`active` or `inactive`.")
    trigger: Literal["manual", "automatic"] = Field("manual", description="Of a rule that is new.")
    company: Expression | None = None


class LotRule(Strict):
    """A lot exists; what is on hand is compared and told, never written."""

    key: Template
    code: Expression
    lot: Expression
    expires: Expression | None = None
    on_hand: Expression | None = None
    unit: Expression | None = None
    location: Expression | None = None
    company: Expression | None = None


class ForwardRule(Strict):
    """Pass the message on without identities, to destinations of the kinds `mllp` and `folder`."""

    segments: list[SegmentName] = Field(min_length=1, description="What goes along, such as [EVN, PID, PV1].")
    dates: Literal["day", "drop"] = Field("day", description="Operational dates: as a day, or not at all.")
    application: str = Field("", description="MSH-3; empty: as it came. Likewise the next three.")
    facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""


class EffectRule(Strict):
    """One rule: when it applies, over which repeating segment, and the one effect it makes."""

    name: str | None = Field(None, description="Shown where the rule is named; default: its number.")
    when: Tests = {}
    for_each: str | None = Field(
        None, description="A segment id: the rule runs once for each, with its group."
    )
    reserve: ReserveRule | None = None
    release: ReleaseRule | None = None
    consume: ConsumeRule | None = None
    charge: ChargeRule | None = None
    credit: CreditRule | None = None
    procure: ProcureRule | None = None
    encounter: EncounterRule | None = None
    merge: MergeRule | None = None
    forward: ForwardRule | None = None
    product: ProductRule | None = None
    offer: OfferRule | None = None
    price: PriceRule | None = None
    stocking: StockingRule | None = None
    lot: LotRule | None = None
    refuse: str | None = Field(None, description="No effect but a dead letter that names this field path.")


class FilterRule(Strict):
    """A named step that ends a message as filtered when all its tests hold."""

    name: Name
    for_each: str | None = Field(
        None, description="A segment id: the step ends single groups of it, and the message with the last."
    )
    when: Tests = Field(min_length=1)


class WarningRule(Strict):
    """A named oddity, shown with the message; what the rules make of the message stands."""

    name: Name
    for_each: str | None = Field(None, description="A segment id: looked for in each of its groups.")
    when: Tests = Field(min_length=1)


class CourseSpec(Strict):
    """What the messages about one visit or appointment say, in the order in which it happened."""

    of: Literal["encounter", "appointment"] = Field(description="Which state machine.")
    key: Expression = Field(description="The number that names it: `PV1-19 or PID-18 or PV1-50`.")
    happened: Expression = Field(
        "EVN-6 or EVN-2 or MSH-7",
        description="When it happened: the first of these fields that is populated.",
    )
    counts_as: Expression | None = Field(
        None, description="The event that a message counts as where this gives one, whatever its own."
    )
    line_action: Expression | None = Field(
        None,
        description="Of an appointment: A, D, U or X (table 0206) where a message speaks of single lines.",
    )
    starts: Expression | None = Field(
        None, description="Of an appointment: its start; lines that a message does not list move with it."
    )
    unknown: Literal["apply", "dead"] = Field(
        "apply", description="A change of what nothing was said about before: applied, or a dead letter."
    )
    late: Literal["apply", "dead"] = Field(
        "apply", description="What happened before something known: put in its place, or a dead letter."
    )


class OdooDestination(Strict):
    """Effects into Odoo through a named connection (its address and key live in the environment)."""

    connection: Name


class LedgerDestination(Strict):
    """The same effects as lines of JSON in a file: for dry runs."""

    path: str


class MllpDestination(Strict):
    """Forwarded messages over MLLP through a named connection (`WARDLINE_MLLP_<NAME>_URL`, …)."""

    connection: Name


class FolderDestination(Strict):
    """Forwarded messages as files."""

    path: str
    batch: bool = Field(False, description="One batch file (BHS … BTS) for what goes out together.")


class DestinationSpec(Strict):
    """Where effects go: exactly one kind."""

    odoo: OdooDestination | None = None
    ledger: LedgerDestination | None = None
    mllp: MllpDestination | None = None
    folder: FolderDestination | None = None


class ChannelSpec(Strict):
    """One channel file."""

    channel: Name
    description: str
    owner: Owners
    criticality: Literal["high", "normal", "bulk"] = "normal"
    source: SourceSpec
    sequence_by: Expression = Field(description="Messages with equal values are applied in order.")
    key_space: Name | None = Field(None, description="Keys are unique within it; default: the channel.")
    authority: str = Field("", description="Of numbers that name no assigning authority; default: MSH-4.")
    authorities: dict[str, list[str]] = Field({}, description="One assigning authority's many spellings.")
    tables: dict[Name, str] = Field({}, description="Name → CSV file, relative to the channel file.")
    course: CourseSpec | None = None
    required: list[str] = Field([], description="Field paths a message must have, else AE 101.")
    validation: Literal["none", "structure", "profile"] = Field(
        "none",
        alias="validate",
        description="Before mapping: `structure` by the standard's tables, `profile` by a learned one.",
    )
    profile: str | None = Field(None, description="For `validate: profile`: its file, beside this one.")
    filters: list[FilterRule] = []
    warnings: list[WarningRule] = Field([], description="What a person should see of messages that go on.")
    widen: list[WidenSpec] = []
    effects: list[EffectRule] = Field(min_length=1)
    no_effect: Literal["filtered", "dead"] = Field("filtered", description="When no rule applied.")
    destinations: list[DestinationSpec] = Field(min_length=1)
