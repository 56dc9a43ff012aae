"""What the writer is asked to do: each command knows who asks, what it touches, and its steps."""
