"""Checks and build steps of the project.  Nothing here is needed by a running site."""
