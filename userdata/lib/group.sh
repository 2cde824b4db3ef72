# The auto scaling group that a host belongs to. Reads LAUNCH_HOOK.
# shellcheck shell=bash

# auto_scaling ACTION PARAMETER=VALUE...  The answer is in $WORK/response.
auto_scaling() {
  local parameters=(--data-urlencode "Action=$1" --data-urlencode Version=2011-01-01) parameter
  for parameter in "${@:2}"; do parameters+=(--data-urlencode "$parameter"); done
  aws_request autoscaling "$REGION" / "$WORK/response" "${parameters[@]}"
}

# complete_launch CONTINUE|ABANDON: the group waits for it, or has done so at an earlier boot.
complete_launch() {
  local group
  auto_scaling DescribeAutoScalingInstances "InstanceIds.member.1=$INSTANCE_ID" || return
  group=$(sed -n 's|.*<AutoScalingGroupName>\([^<]*\)<.*|\1|p' "$WORK/response")
  if [[ ! $group ]]; then
    echo "no group has this host" >"$WORK/error"
    return 1
  fi
  auto_scaling CompleteLifecycleAction "AutoScalingGroupName=$group" "InstanceId=$INSTANCE_ID" \
    "LifecycleHookName=$LAUNCH_HOOK" "LifecycleActionResult=$1" || grep -q "No active Lifecycle Action" "$WORK/error"
}
