"""A folder of labelled pictures of real infants: what the monitor sees of them, and how well scores separate them."""
