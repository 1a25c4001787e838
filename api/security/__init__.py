"""Who may do what: keys and roles, and the rules of an API without keys."""
