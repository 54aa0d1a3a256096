"""Authors: from Task DNA to a draft. Roles as protocols; the procedural author needs no model."""
