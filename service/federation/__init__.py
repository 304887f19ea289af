"""One view over several sites, each of them a whole Taktline: asks all of them side by side, and adds up."""
