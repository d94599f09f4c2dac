"""The commands of `firetower sim`, one a module: its words, and what it does."""
