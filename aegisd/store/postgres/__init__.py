"""The log in PostgreSQL, written by any number of processes at once, each tenant in turns."""
