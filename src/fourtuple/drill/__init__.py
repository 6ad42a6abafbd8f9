"""Packet scripts in packetdrill's language, run against a simulated host in exact virtual time."""
