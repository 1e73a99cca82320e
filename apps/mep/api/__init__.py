"""Mp1 and Mm5 over HTTP: parse, call, answer."""
