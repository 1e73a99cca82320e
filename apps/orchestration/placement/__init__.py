"""Choosing hosts: filters, then scores, over facts with their age.  Pure; knows no database."""
