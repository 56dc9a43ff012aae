"""Two verifiers that share no code, held to one verdict over files that somebody bent."""
