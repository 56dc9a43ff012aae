"""Where the log lives: memory, SQLite and PostgreSQL, each native, held to one contract suite."""
