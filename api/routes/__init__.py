"""One file per resource; a handler parses, makes one call of `TaskQueue`, and answers."""
