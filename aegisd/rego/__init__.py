"""Rego: bundles, the checks before one loads, and the engines that evaluate it."""
