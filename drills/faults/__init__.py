"""Bad days, made on purpose: `python -m drills.faults` breaks things and counts the losses."""
