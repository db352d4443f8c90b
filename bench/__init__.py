"""Measurements: run with `make bench`. Ratios travel between machines, absolute figures do not."""
