"""A message of charges, and tables to read it with."""

from __future__ import annotations

from engine.config.tables import Table, parse_table

__all__ = ["ITEMS", "KITS", "MESSAGE", "table"]

MESSAGE = (
    "MSH|^~\\&|CHARGES|HOSP|WARDLINE|HOSP|20261121120000+0100||DFT^P03|C1|P|2.5.1\r"
    "PID|1||77^^^HOSP^MR||DOE^JANE||19700101\r"
    "PV1|1|I|ICU^12^B^HOSP||||||||||||||||V77\r"
    'FT1|1|T1|B7|20261121|20261121|CG|270001^Gloves^L|||2||12.50&EUR|""|||ICU^12\r'
    "FT1|2|T2|B7|20261122|20261121|CD| 360001 ^Minute^L|||-1.5||7.25^USD||||OR1^1\r"
    "FT1|3||||||NOPE|||1,5||abc\r"
)

ITEMS = "code,item,stocked,unit\n270001,GLV-M,yes,\n360001,OR-MIN,no,min\n"
KITS = "procedure,item,quantity,unit\nKNEE,IMP-KNEE,1,\nKNEE,GLV-M,4,pair\n"


def table(text: str) -> Table:
    found, findings = parse_table(text, "table.csv")
    assert found is not None, findings
    return found
