"""Devices as data: a profile is a product, a unit one of its draws."""
