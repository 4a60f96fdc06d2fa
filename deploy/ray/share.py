"""A replica's share of its machine."""

from service.settings import Settings


def within(settings: Settings, *, cpus: float) -> Settings:
    """Settings whose threads keep to the CPUs that Ray has given a replica, where the operator chose no number.

    Ray counts CPUs and does not enforce them: by itself every replica of a machine would take all of its cores.
    """
    threads = max(1, int(cpus))
    return settings.model_copy(
        update={"threads": settings.threads or threads, "analysis_threads": settings.analysis_threads or threads}
    )
