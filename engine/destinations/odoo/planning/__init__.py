"""What Odoo would be asked to do, found out without doing it.

    plan = Planner(connection).plan(effects)     # read from the real Odoo; nothing is ever written
    plan = Planner().plan(effects)               # over a catalogue that is made up of what the effects name

The sagas of `engine.destinations.odoo` run as they are, over a wire that reads from Odoo and keeps to itself
what they write: what they read afterwards is Odoo as it would stand by then.
"""

from engine.destinations.odoo.planning.plan import Plan, PlannedCall, PlannedEffect, Planner, Verdict
from engine.destinations.odoo.planning.records import Change

__all__ = ["Change", "Plan", "PlannedCall", "PlannedEffect", "Planner", "Verdict"]
