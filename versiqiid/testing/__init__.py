"""For people who write adapters: contract suites and Hypothesis models. Shipped, and never imported by the daemon."""
