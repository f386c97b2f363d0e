"""Simulated rooms and smart speakers for ultrasonic Doppler motion sensing."""

__version__ = "0.1.0"
