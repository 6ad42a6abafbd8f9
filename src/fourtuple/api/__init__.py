"""The public surface: Network, Host, Process, Link."""
