"""The subcommands of `firetower`, one a module."""
