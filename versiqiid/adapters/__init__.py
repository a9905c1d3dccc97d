"""One third party each. Adapters implement ports, know no sibling, and let no error of their library out."""
