"""The gate: what any bundle is worth, on quiet days and in every weather."""
