"""The table itself, by family. `grammar` tells the notation."""
