"""What the pytest plugin does once cases are collected: items, engines, the smoke campaign, the account of the session."""
