"""What is answered while it happens: events, and the end of a task that somebody waits for."""
