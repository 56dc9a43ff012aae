"""The HTTP door: bytes to a question, the engine's answer to bytes. Decides nothing."""
