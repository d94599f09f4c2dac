"""Many towers over many winters, by the physics alone: which panel and battery carry which board."""
