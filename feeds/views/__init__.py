"""The pages: authorise, read the form, one action, answer."""
