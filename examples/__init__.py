"""Example data of MECM Portal: packages to try it with.  Not part of a running site."""
