"""The imperative shell: one writer per tenant, group commit, recovery from the log."""
