"""What every door shares: how acts of operators are held to their form, and what is answered."""
