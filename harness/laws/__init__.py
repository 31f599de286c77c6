"""The laws of cutting: one engine judged by itself, of any release and any machine (DESIGN: *Cuts*)."""
