"""HTTP routes: the border between the web and the service."""
