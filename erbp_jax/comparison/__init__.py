"""One network, several rules: the cells of a comparison, its table and its report."""
