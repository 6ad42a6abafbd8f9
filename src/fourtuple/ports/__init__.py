"""Who may bind a port, and who gets a packet: pure tables and rules, used by kernel, stack and explain."""
