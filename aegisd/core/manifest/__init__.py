"""Capability manifests: what an agent may do, as its operator wrote it down."""
