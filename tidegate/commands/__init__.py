"""commands: groups of commands, a module each. What they do is in modules of `tidegate`, imported when wanted."""
