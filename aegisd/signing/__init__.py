"""Who signs checkpoints: keys in a file or behind a command, and what they signed last."""
