"""The command line `dtq`: what a person does with the API, in a terminal or a script."""
