"""What other packages may want to know of the activity log."""

from django.dispatch import Signal

# Sent hourly by each worker while the database answers: what nothing needs any more goes.
housekeeping = Signal()
