"""FHIR without I/O: reading, checking, meaning and answering of resources (R4, R4B, R5)."""
