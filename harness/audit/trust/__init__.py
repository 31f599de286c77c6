"""How far the audit can be trusted: real traces are corrupted on purpose, and what it notices is counted (12 section 8.3)."""
