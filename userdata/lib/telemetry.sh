# What CloudWatch's agent is to send. Reads TELEMETRY_LOG_GROUP, TELEMETRY_NAMESPACE and TELEMETRY_ROLE; without a log group
# there is no agent.
# shellcheck shell=bash

# telemetry_config LOG...: the agent's configuration. Figures have the hosts'
# role and not the host, as each combination is paid for: an alarm looks at the worst of them.
telemetry_config() {
  python3 - "$TELEMETRY_LOG_GROUP" "$TELEMETRY_NAMESPACE" "$TELEMETRY_ROLE" "$INSTANCE_ID" "$@" <<'PYTHON'
import json, os, sys
group, namespace, role, instance, *logs = sys.argv[1:]
figure = {"measurement": ["used_percent"], "append_dimensions": {"role": role}}
print(json.dumps({
    "agent": {"metrics_collection_interval": 60, "omit_hostname": True},
    "metrics": {
        "namespace": namespace,
        "aggregation_dimensions": [["role", "path"]],
        "metrics_collected": {"mem": figure, "disk": {**figure, "resources": ["/"], "drop_device": True}},
    },
    "logs": {"logs_collected": {"files": {"collect_list": [
        {
            "file_path": log,
            "log_group_name": group,
            "log_stream_name": f"{instance}/{os.path.basename(log)}",
        }
        for log in logs
    ]}}},
}, indent=2))
PYTHON
}

# start_telemetry LOG...: a host without its agent still serves, and says so in its boot report.
start_telemetry() {
  local agent=/opt/aws/amazon-cloudwatch-agent
  step "start CloudWatch's agent"
  install -d "$agent/etc"
  telemetry_config "$@" >"$agent/etc/host.json"
  "$agent/bin/amazon-cloudwatch-agent-ctl" -a fetch-config -m ec2 -s -c "file:$agent/etc/host.json" >"$WORK/agent.log" 2>&1 ||
    printf "CloudWatch's agent does not start: %s\n" "$(tail -n 5 "$WORK/agent.log")" >&2
}
