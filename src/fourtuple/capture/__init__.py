"""What was on the wire: pcapng files and the run's trace with its digest."""
