"""The contract of safe storage, subject by subject; `engine.store.base.Store` is all of it."""
