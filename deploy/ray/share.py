"""The share of a replica in its machine."""

from service.settings import Settings


def within(settings: Settings, *, cpus: float) -> Settings:
    """Limit the threads in the settings to the CPUs that Ray assigns to a replica, unless the operator set them.

    Ray counts CPUs but does not enforce the limit: without this, every replica would use all cores of the machine.
    """
    threads = max(1, int(cpus))
    return settings.model_copy(
        update={"threads": settings.threads or threads, "analysis_threads": settings.analysis_threads or threads}
    )
