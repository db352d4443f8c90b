"""A channel drafted from samples: `wardline new`."""
