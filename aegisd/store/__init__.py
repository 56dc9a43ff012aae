"""Where the log lives: memory and SQLite, each native, held to one contract suite."""
