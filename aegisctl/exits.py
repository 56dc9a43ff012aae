"""The three exit codes. Every verb returns one of them, and `main` ends the process with it."""

# It holds, or was done.
HOLDS = 0

# It does not hold: tampered, differs, denied, invalid.
BROKEN = 1

# Could not tell: usage, network, unknown session or tenant, unreadable file.
UNKNOWN = 2
