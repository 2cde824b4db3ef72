import { regionNumber, regionVariable } from "../../client/localRegion";

/** What another terminal has to be told so that its commands mean this local region. */
export const forOtherTerminals = (): string[] =>
  regionNumber() === 0 ? [] : [`  export ${regionVariable}=${regionNumber()}`];

/** Makes a run depend neither on who starts it nor on how: on their shell's settings or their AWS configuration. */
export function isolate(): void {
  process.umask(0o022);
  const path = new Set([...(process.env["PATH"] ?? "").split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin"]);
  for (const name of Object.keys(process.env)) {
    if (name.startsWith("AWS_")) Reflect.deleteProperty(process.env, name);
  }
  Object.assign(process.env, {
    PATH: [...path].filter(Boolean).join(":"), // Debian's su leaves out the system's programs
    LC_ALL: "C.UTF-8",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  });
}
