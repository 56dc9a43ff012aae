"""From state and proposal to a verdict: what rules read, and how their output combines."""
