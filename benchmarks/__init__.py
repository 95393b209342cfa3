"""Programs that measure; the product runs without them. A package, because others bring one of this name."""
