"""Who may use the service, and how much of it: keys, requests a minute, pixels in flight. Pure; no web in here."""
