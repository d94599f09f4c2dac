"""How what a tower saw reaches people: sinks, their transports, and what they carry."""
