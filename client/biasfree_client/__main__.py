"""The command line as ``python -m biasfree_client``, for when its script is not on the path."""

from biasfree_client.cli.app import run

if __name__ == "__main__":
    run()
