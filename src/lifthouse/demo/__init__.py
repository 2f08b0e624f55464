"""Demo data with a known truth: `generate.generate_demo` writes it."""
