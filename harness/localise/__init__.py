"""From a divergence to its cause: where it shows first, what fed the wrong cell, who is wrong, and how it depends on cuts."""
