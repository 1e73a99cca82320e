"""Notifications: who is told of an event, the outbox that remembers it, and the delivery."""
