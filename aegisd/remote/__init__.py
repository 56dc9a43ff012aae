"""A daemon somewhere else, asked over HTTP, and its log as one to read."""
