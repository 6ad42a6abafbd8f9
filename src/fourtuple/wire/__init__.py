"""Headers as objects and as bytes. Knows nothing of hosts, sockets or time."""
