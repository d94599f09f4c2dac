"""Numbers that an engineer can trust: fresh processes, raw values, the machine beside them."""
