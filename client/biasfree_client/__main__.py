"""``python -m biasfree_client``: the command line, where its script is not on the path."""

from biasfree_client.cli.app import app

if __name__ == "__main__":
    app()
