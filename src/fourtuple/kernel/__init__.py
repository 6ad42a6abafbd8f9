"""A host's kernel without IO: processes, descriptors, open file descriptions, sockets, poll."""
