"""The log's bytes: canonical JSON, envelopes, the hash chain and the export form."""
