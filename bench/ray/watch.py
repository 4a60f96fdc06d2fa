"""A watcher of Serve, ``python -m bench.ray.watch ADDRESS``: it writes Serve's state as JSON per line of input.

It is a separate process because Ray reads its identity and token on import.
"""

import json
import sys

import ray
from ray import serve

#: Attempts to connect, since a starting Ray head refuses connections for a while; each attempt takes some time.
TRIES = 5


def main() -> None:
    """Print the application's status and the replicas per state for each line of input, then shut Serve down."""
    _connect(sys.argv[1])
    for _ in sys.stdin:
        sys.stdout.write(json.dumps(_status()) + "\n")
        sys.stdout.flush()
    serve.shutdown()


def _connect(address: str) -> None:
    for tried in range(1, TRIES + 1):
        try:
            ray.init(address, namespace="serve", log_to_driver=False)
        except (ConnectionError, RuntimeError):
            if tried == TRIES:
                raise
        else:
            return


def _status() -> tuple[str, dict[str, int]]:
    applications = serve.status().applications
    if not applications:
        return "absent", {}
    [application] = applications.values()
    states = [deployment.replica_states for deployment in application.deployments.values()]
    counted = {str(getattr(state, "value", state)): count for each in states for state, count in each.items()}
    return str(getattr(application.status, "value", application.status)), counted


if __name__ == "__main__":
    main()
