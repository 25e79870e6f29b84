"""Makes the parts of documents, configuration and models that follow from the code of the tap."""
