"""Threads as greenlets on virtual time: the scheduler and the programs it runs."""
