"""Virtual time: the event heap, timers re-armed lazily, and named random streams."""
