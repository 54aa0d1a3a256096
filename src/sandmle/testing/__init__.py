"""Public conformance suites and doubles: what a plug-in must hold, checked by one call."""
