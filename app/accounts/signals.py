"""What other packages may want to know of accounts."""

from django.dispatch import Signal

# Sent with `account`, an id, before the account goes: what belongs to it goes first, and an error keeps the account.
account_deleted = Signal()
