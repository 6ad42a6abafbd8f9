"""Performance, measured side by side with the Linux loopback and reported as ratios."""
