"""Keeping a store for years: copies of it, putting one in its place, how it grows."""
