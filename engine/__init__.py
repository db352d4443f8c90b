"""Wardline: an HL7 v2 and FHIR interoperability engine for hospitals that run Odoo."""
