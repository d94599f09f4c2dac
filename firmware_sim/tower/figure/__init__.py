"""The figures of a run, by what they are about: pure functions of `firmware_sim.tower.run.Run`."""
