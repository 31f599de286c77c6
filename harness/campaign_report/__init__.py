"""The report of a campaign, made from its state: text, one page, JUnit XML, JSON."""
