"""Access control: API keys, requests per minute, pixels in flight. Independent of HTTP."""
