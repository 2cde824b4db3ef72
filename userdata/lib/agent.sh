# The agent of Session Manager, for shells without SSH.
# shellcheck shell=bash
source lib/packages.sh

session_manager() {
  local deb="$WORK/agent.deb"
  ! installed amazon-ssm-agent || return 0
  step "install the Session Manager agent"
  # Its signing key expires every few years, which would break every build then: the bucket's certificate vouches for it.
  retry "cannot download the Session Manager agent" curl -sSf --proto =https -m 120 -o "$deb" \
    "https://s3.$REGION.amazonaws.com/amazon-ssm-$REGION/latest/debian_$(dpkg --print-architecture)/amazon-ssm-agent.deb"
  retry "apt cannot install the Session Manager agent" apt_install "$deb"
}
