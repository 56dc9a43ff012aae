"""Conformance packs: promises of the gate as cases, and what any build answers to them."""
