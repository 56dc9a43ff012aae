"""Engine and store in one deterministic world; `python -m tests.sim --help`."""
