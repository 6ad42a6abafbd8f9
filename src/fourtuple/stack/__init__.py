"""A host's IP stack: interfaces, neighbours, routes, IP, ICMP, UDP and TCP."""
