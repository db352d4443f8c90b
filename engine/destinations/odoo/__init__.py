"""Effects into Odoo 17, 18 and 19, exactly once."""

from engine.destinations.odoo.connection import OdooConnection, from_environment
from engine.destinations.odoo.destination import OdooDestination

__all__ = ["OdooConnection", "OdooDestination", "from_environment"]
