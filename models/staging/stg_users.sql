-- Usable rows of users, one per user_id. Of several, the one that sorts first as text is kept and the others are in quarantine.

{{ one_per_key('users') }}
