"""The conformance kit: what an engine must show before it is taken for the machine under test."""
