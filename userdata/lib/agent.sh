# Agents of AWS. Their signing keys expire every few years, which would break every build then: the buckets' certificates vouch for
# them. Debian has none of them.
# shellcheck shell=bash
source lib/packages.sh

# install_agent PACKAGE URL
install_agent() {
  local deb="$WORK/agent.deb"
  ! installed "$1" || return 0
  step "install $1"
  retry "cannot download $1" curl -sSf --proto =https -m 120 -o "$deb" "$2"
  retry "apt cannot install $1" apt_install "$deb"
}

# For shells without SSH.
session_manager() {
  install_agent amazon-ssm-agent \
    "https://s3.$REGION.amazonaws.com/amazon-ssm-$REGION/latest/debian_$(dpkg --print-architecture)/amazon-ssm-agent.deb"
}

# Sends logs and figures; lib/telemetry.sh starts it.
cloudwatch_agent() {
  install_agent amazon-cloudwatch-agent \
    "https://amazoncloudwatch-agent-$REGION.s3.$REGION.amazonaws.com/debian/$(dpkg --print-architecture)/latest/amazon-cloudwatch-agent.deb"
}
