"""The web console: pages for operators, which a small script of their own keeps live by the admin API."""
