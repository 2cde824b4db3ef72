from django.db import migrations, models

# Whoever has rights on new tables by default (the service's role) keeps those to add and to read.
APPEND_ONLY = """
DO $$
DECLARE right_to record;
BEGIN
  FOR right_to IN
    SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants
    WHERE table_schema = current_schema() AND grantee <> current_user AND (
      table_name = 'activity_event' AND privilege_type NOT IN ('SELECT', 'INSERT')
      OR table_name = 'activity_retention' AND privilege_type <> 'SELECT')
  LOOP
    EXECUTE format('REVOKE %s ON %I FROM %I', right_to.privilege_type, right_to.table_name, right_to.grantee);
  END LOOP;
END $$;
"""

# How long events are kept is the owner's to say. The service may only ask that what is older goes.
PRUNING = """
CREATE TABLE activity_retention (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  days integer NOT NULL CHECK (days > 0)
);
INSERT INTO activity_retention (days) VALUES (365);

CREATE FUNCTION activity_prune() RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
  WITH oldest AS (
    -- The id begins with the milliseconds since 1970.
    SELECT (lpad(to_hex((extract(epoch FROM now() - make_interval(days => days)) * 1000)::bigint), 12, '0')
      || repeat('0', 20))::uuid AS id
    FROM activity_retention
  ), old AS (
    SELECT event.id FROM activity_event AS event, oldest
    WHERE event.id < oldest.id ORDER BY event.id LIMIT 5000 FOR UPDATE OF event SKIP LOCKED
  ), gone AS (
    DELETE FROM activity_event USING old WHERE activity_event.id = old.id RETURNING 1
  )
  SELECT count(*) FROM gone
$$;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("event", models.CharField(max_length=64)),
                ("account", models.CharField(blank=True, max_length=64)),
                ("object", models.CharField(blank=True, max_length=255)),
                ("client", models.CharField(blank=True, max_length=64)),
                ("request", models.CharField(blank=True, max_length=128)),
                ("host", models.CharField(blank=True, max_length=64)),
                ("details", models.JSONField(default=dict)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "-id"], name="activity_account_newest"),
                    models.Index(fields=["object", "-id"], name="activity_object_newest"),
                    models.Index(fields=["event", "-id"], name="activity_event_newest"),
                ],
            },
        ),
        migrations.RunSQL(PRUNING, "DROP FUNCTION activity_prune(); DROP TABLE activity_retention"),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
    ]
