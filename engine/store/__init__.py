"""Safe storage: what was acknowledged is on disk, sealed, in one state, once (`base` is the contract)."""
