"""Lint: what a channel file says that cannot be meant, one file for each subject."""
