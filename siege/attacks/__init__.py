"""The attacks, a module for each kind. An attack is a function that prepares what is sent, and returns what sends it;
its name is the function's, and its description the docstring."""
