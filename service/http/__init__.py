"""HTTP handling common to all routes: middleware, request bodies, content negotiation, problem documents."""
