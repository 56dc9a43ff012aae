"""What is done to Aegis on purpose: faults, attacks, engines side by side, planted bugs."""
