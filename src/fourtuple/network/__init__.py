"""Nodes, links and switches: what carries frames between stacks."""
