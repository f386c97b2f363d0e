"""Openings: one file a kind; see `base`."""
