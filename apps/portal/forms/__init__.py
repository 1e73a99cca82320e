"""The forms, one module per section; each ends in a spec that a service takes."""
