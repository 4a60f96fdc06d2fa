"""What every request passes: middleware, reading bodies, content negotiation, problem documents."""
