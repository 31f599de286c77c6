"""One adapter per engine, and one for any other program that speaks the case-in, record-out protocol."""
