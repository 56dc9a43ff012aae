"""One word of a command, as far as text alone tells what it is."""

from msgspec import Struct

# Stands in a word for what only the shell that runs the line knows: a variable's value.
UNKNOWN = "\ufffd"


class Word(Struct, frozen=True):
    """A word without its quotes. A `glob` stands for any number of names that begin as it does."""

    text: str
    glob: bool = False
