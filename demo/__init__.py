"""A real Odoo 19 on this machine and the small hospital in it, for development, tests, CI and the demo."""
