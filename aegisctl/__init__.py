"""What people type to check a log and to look inside: one file per verb, offline or over HTTP."""
