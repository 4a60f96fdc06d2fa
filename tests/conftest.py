"""What every test shares."""

from hypothesis import settings

# No timing assertions: a busy machine is not a failure. The same examples on every run.
settings.register_profile("biasfree", deadline=None, derandomize=True)
settings.load_profile("biasfree")
