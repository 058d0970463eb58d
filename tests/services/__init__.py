"""Real parts for tests, started on free ports by the tests themselves."""
