"""Whether a log holds: every hash, link, column, position, head, document and cached fold."""
