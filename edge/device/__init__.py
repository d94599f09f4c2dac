"""The board: its sensors, its facts and the service manager's watchdog."""
