"""Reading a labelled data set into memory."""
