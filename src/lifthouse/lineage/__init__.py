"""From a column of a table back to the columns of the input that it is made of, or forth to all that is made of it."""
