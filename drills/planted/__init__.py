"""Planted bugs: what a careless or bribed author could ship, and who must notice."""
