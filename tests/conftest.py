"""What holds for all tests: they must not mind how fast the machine is, or how busy."""

from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

PATIENCE_S = 20
"""After this long without what a test waits for, it fails. Nothing waits this long where all is well."""
