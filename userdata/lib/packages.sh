# Debian packages.
# shellcheck shell=bash

apt_get() { apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"; }

apt_install() {
  apt_get -o APT::Update::Error-Mode=any update && apt_get install "$@" && return
  dpkg --configure -a # what a killed run left half done
  return 1
}

installed() {
  local count
  count=$(dpkg-query -Wf '${db:Status-Status}\n' "$@" 2>/dev/null | grep -cx installed) || true
  [[ $count == "$#" ]]
}

# Asks the network for nothing when all is installed, so that a host can boot while a mirror is down.
packages() {
  installed "$@" || retry "apt cannot install $* (is there a way out to the Debian mirror?)" apt_install "$@"
}
