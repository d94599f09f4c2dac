"""How a student is taught: examples of the pool, batches, the objective, teachers, the operating point."""
