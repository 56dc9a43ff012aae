"""Aegis: the control plane between AI agents and the world."""

__version__ = "0.1.0"
