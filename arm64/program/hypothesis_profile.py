"""A pytest plugin: hypothesis as the emulated suite needs it, ten times slower and with nowhere to write."""

import hypothesis

hypothesis.settings.register_profile(
    "emulated",
    deadline=None,
    database=None,
    derandomize=True,
    max_examples=10,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
