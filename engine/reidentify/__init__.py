"""Re-identification: a process of its own that shows a person who is behind a token, and writes down each
look.

Nothing of the engine leads here (import-linter), and nothing here takes messages: it has its own people, its
own private key, its own user of the database."""
