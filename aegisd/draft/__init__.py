"""A first manifest from tools' names and schemas: a guess for a person, which decides nothing.

Where a word could mean two things the graver one is taken, and what no word tells is said.
"""
