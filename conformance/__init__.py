"""What any build can be held to, and the demo that shows it."""
