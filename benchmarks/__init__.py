"""What Aegis costs, measured beside peers in the same run."""
