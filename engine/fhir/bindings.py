"""Codes that an element must be one of (required bindings), where the models do not list them whole.

fhir.resources says the codes of most elements; here stand those that it cuts short (`draft | active | +`),
leaves out, or gives for what is only an example. Source: FHIR R4 (4.0.1) and R5 (5.0.0), the value sets of
the elements' bindings; currencies ISO 4217 (2018, value set currencies).
"""

from __future__ import annotations

from typing import Final

__all__ = ["codes"]

_SUPPLY_REQUEST = "draft active suspended cancelled completed entered-in-error unknown"
_ENCOUNTER_R4 = "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"
_TASK = (
    "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed "
    "entered-in-error"
)
_COMPARATOR = "< <= >= >"
_WHEN_R4 = (
    "MORN MORN.early MORN.late NOON AFT AFT.early AFT.late EVE EVE.early EVE.late NIGHT PHS "
    "HS WAKE C CM CD CV AC ACM ACD ACV PC PCM PCD PCV"
)
_ISSUE_R4 = (
    "invalid structure required value invariant security login unknown expired forbidden suppressed "
    "processing not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension "
    "too-costly business-rule conflict transient lock-error no-store exception timeout incomplete throttled "
    "informational"
)
_CURRENCIES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN "
    "BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD "
    "FKP GBP GEL GGP GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS IMP INR IQD IRR ISK JEP JMD JOD "
    "JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR "
    "MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF "
    "SAR SBD SCR SDG SEK SGD SHP SLL SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TVD TWD "
    "TZS UAH UGX USD USN UYI UYU UZS VED VEF VES VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF "
    "XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG ZWL"
)

_BOTH: Final[dict[str, str]] = {
    "SupplyRequest.status": _SUPPLY_REQUEST,
    "Task.status": _TASK,
    "AuditEvent.action": "C R U D E",
    "Money.currency": _CURRENCIES,
    "Expression.language": "",  # no code outside the list is wrong
    "CapabilityStatement.format": "",
}
_R4: Final[dict[str, str]] = {
    "Encounter.status": _ENCOUNTER_R4,
    "EncounterStatusHistory.status": _ENCOUNTER_R4,
    "DeviceUdiCarrier.entryType": "barcode rfid manual card self-reported unknown",
    "TimingRepeat.when": _WHEN_R4,
    "OperationOutcomeIssue.code": _ISSUE_R4,
    "AuditEvent.outcome": "0 4 8 12",
    "AuditEventAgentNetwork.type": "1 2 3 4 5",
} | dict.fromkeys(
    (f"{kind}.comparator" for kind in ("Quantity", "Age", "Count", "Distance", "Duration")), _COMPARATOR
)
_R5: Final[dict[str, str]] = {
    "TimingRepeat.when": f"{_WHEN_R4} IMD",
    "OperationOutcomeIssue.code": f"{_ISSUE_R4} success limited-filter",
    "BundleEntrySearch.mode": "match include outcome",
} | dict.fromkeys(
    (f"{kind}.comparator" for kind in ("Quantity", "Age", "Count", "Distance", "Duration")),
    f"{_COMPARATOR} ad",
)


def codes(release: str, kind: str, name: str, listed: list[str] | None) -> frozenset[str] | None:
    """What `name` of `kind` (`SupplyRequest`, `TimingRepeat`) may be, or None for any code; `listed` is what
    the model says."""
    place = f"{kind}.{name}"
    own = _BOTH.get(place, (_R5 if release == "R5" else _R4).get(place))
    if own is not None:
        return frozenset(own.split()) or None
    if not listed or "+" in listed:
        return None
    return frozenset(listed)
