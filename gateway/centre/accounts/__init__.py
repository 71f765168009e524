"""Who may use the centre: accounts, sign-in with a second factor, sessions, and the pages for them."""
