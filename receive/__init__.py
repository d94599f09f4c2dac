"""What hears towers and speaks to them, on a machine that is no tower: `firetower watch`, `command` and `drill`."""
