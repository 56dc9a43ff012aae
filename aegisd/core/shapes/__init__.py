"""What every event is made of: ids, fields of payloads, and the declaration of an event type."""
