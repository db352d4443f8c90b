"""FHIR over HTTP: the door (one server per address), its checks, and the interactions behind it."""

from engine.listeners.fhir.listener import FhirListener
from engine.listeners.fhir.service import Doors, Limits, Offer, Service
from engine.listeners.fhir.tls import Tls

__all__ = ["Doors", "FhirListener", "Limits", "Offer", "Service", "Tls"]
