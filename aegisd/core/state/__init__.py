"""What the log says so far: session and tenant state, each a fold over events and nothing else."""
