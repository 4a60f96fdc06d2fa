"""``python -m bench.ray.watch ADDRESS``: for each line of input, a line of JSON with what Serve says of what it runs.

A process of its own, because Ray reads who it is and which token it has when it is imported.
"""

import json
import sys

import ray
from ray import serve

#: A head of Ray that starts refuses for a while; each try takes its time.
TRIES = 5


def main() -> None:
    """Status of the application, and how many replicas are in each state; once the input ends, so does Serve."""
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
