import { run } from "./exec";

const DEFAULT_MIRROR = "http://deb.debian.org/debian";
const SECURITY_MIRROR = "http://deb.debian.org/debian-security";

/** The package sources of a Debian release: the mirror of the machine's own apt configuration, else Debian's default. */
export async function mirrorOf(suite: string): Promise<string[]> {
  const format = "$(REPO_URI) $(ORIGIN) $(SUITE) $(LABEL)";
  const listed = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const debian = listed
    .split("\n")
    .map((line) => line.split(" "))
    .find(([, origin, , label]) => origin === "Debian" && label === "Debian");
  const mirror = (debian?.[0] ?? DEFAULT_MIRROR).replace(/\/$/, "");
  return [
    `deb ${mirror} ${suite} main`,
    `deb ${mirror} ${suite}-updates main`,
    `deb ${SECURITY_MIRROR} ${suite}-security main`,
  ];
}
