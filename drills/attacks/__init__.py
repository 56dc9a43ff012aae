"""Every attack on a log that we know of, run against a real one, and who notices."""
