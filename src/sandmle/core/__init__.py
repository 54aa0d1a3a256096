"""Types and protocols that every layer shares; no I/O, no process, no framework lives here."""
