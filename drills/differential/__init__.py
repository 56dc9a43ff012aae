"""Two Rego engines over the same inputs, and what they differ in."""
