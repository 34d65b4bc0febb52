"""The running daemon: builds the parts, starts them, watches over them, stops them."""
