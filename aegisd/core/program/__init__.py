"""What programs do with their words: a table of options, and one reading of a command by it.

The principle is that of `target`: a word that is not described is refused, never guessed. An option
that nobody wrote down may name a host, a file or another program, so it denies.
"""
