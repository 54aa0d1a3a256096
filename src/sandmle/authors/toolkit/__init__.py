"""What families share: text and image writers, splits, domains, wording, generic baselines."""
