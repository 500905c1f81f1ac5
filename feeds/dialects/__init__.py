"""One pure module per vendor: wire JSON to our words and back. No Django, no I/O."""
