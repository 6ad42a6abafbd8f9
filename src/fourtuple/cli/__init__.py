"""The fourtuple command."""
