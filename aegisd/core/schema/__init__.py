"""JSON Schemas, judged by a walk that counts its steps: no answer costs more than a bound."""
