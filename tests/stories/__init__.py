"""What people do at running sites.

A package, since fixtures of a folder that is none live on until the last of all tests has ended.
"""
