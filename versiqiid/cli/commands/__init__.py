"""One command group, one file. A command reads its input, calls the daemon, prints; it decides nothing."""
