"""The governor: what a tower gives up, in which order and for how long, by what its sensors say."""
