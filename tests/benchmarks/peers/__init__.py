"""Other queues on the same server: each in an environment of its own, see `runner`."""
