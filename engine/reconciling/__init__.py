"""Holding the books against Odoo: messages, effects, and Odoo as it is now.

`expecting` says what should stand by what was delivered, `standing` reads what does, `billing`, `stock` and
`others` compare, `totals` adds up; `checking` is one run of it all, which only reads. What is to be repaired
is put forward and approved (`engine.operations.books`) and carried out by the engine (`mending`).
"""
