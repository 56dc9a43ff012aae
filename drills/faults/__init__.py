"""Bad days, made on purpose: `python -m conformance.faults` breaks things and counts the losses."""
