/** What must hold between settings that are right each by itself. */
import { type Architecture, architectureOf, architectureOfInstance } from "../components/host/debianImage";
import { overlap, parseCidr } from "../components/network/cidr";
import { parseSchedule } from "../components/web/schedule";
import type { Values } from "./schema";

/** A rule between settings: which it reads, and what is wrong with their values, and what to do about it. */
export interface Combination {
  readonly reads: readonly (keyof Values)[];
  readonly problem: (values: Values) => string | undefined;
}

/** Lets a rule see no setting but those it names: it is not asked while one of them is wrong by itself. */
const between = <K extends keyof Values>(
  reads: readonly K[],
  problem: (values: Pick<Values, K>) => string | undefined,
): Combination => ({ reads, problem });

const examples: Readonly<Record<Architecture, string>> = {
  amd64: "a type for amd64 such as t3.small",
  arm64: "a type for arm64 such as t4g.small",
};
function misfit(key: string, type: string, imageKey: string, image: string): string | undefined {
  const architecture = architectureOf(image);
  return architecture && architectureOfInstance(type) !== architecture
    ? `${key} is ${type}: it cannot run ${image}; give ${examples[architecture]}, or a ${imageKey} for ${architectureOfInstance(type)}`
    : undefined;
}

export const combinations: readonly Combination[] = [
  between(["webCidr", "databaseCidr"], ({ webCidr, databaseCidr }) => {
    const [web, database] = [parseCidr(webCidr), parseCidr(databaseCidr)];
    return web && database && overlap(web, database)
      ? `webCidr is ${webCidr} and databaseCidr is ${databaseCidr}: they overlap, and the two networks are joined; give one of them another /16`
      : undefined;
  }),
  between(["webZones"], ({ webZones }) =>
    webZones.length < 2
      ? `webZones is ${JSON.stringify(webZones)}: name two zones at least; a load balancer needs them`
      : undefined,
  ),
  between(["webMinSize", "webMaxSize"], ({ webMinSize, webMaxSize }) =>
    webMinSize > webMaxSize
      ? `webMinSize is ${webMinSize} and webMaxSize is ${webMaxSize}: lower the one or raise the other`
      : undefined,
  ),
  between(["webInstanceType", "debianImage"], ({ webInstanceType, debianImage }) =>
    misfit("webInstanceType", webInstanceType, "debianImage", debianImage),
  ),
  between(["webOtherInstanceTypes", "webInstanceType", "debianImage"], (values) => {
    const { webOtherInstanceTypes: others, webInstanceType, debianImage } = values;
    if (others.includes(webInstanceType))
      return `webOtherInstanceTypes names ${webInstanceType}, which webInstanceType is already: name others`;
    return others
      .map((type) => misfit("webOtherInstanceTypes", type, "debianImage", debianImage))
      .find(Boolean);
  }),
  between(["webSchedules", "webMaxSize"], ({ webSchedules, webMaxSize }) => {
    const [name, schedule] =
      Object.entries(webSchedules).find(([, text]) => {
        const most = parseSchedule(text, "Etc/UTC")?.max;
        return most !== undefined && most > webMaxSize;
      }) ?? [];
    return name === undefined
      ? undefined
      : `webSchedules has ${name}: ${schedule} but webMaxSize is ${webMaxSize}: the database host has memory for no more; lower the one or raise the other`;
  }),
  between(["databaseInstanceType", "databaseDebianImage"], ({ databaseInstanceType, databaseDebianImage }) =>
    misfit("databaseInstanceType", databaseInstanceType, "databaseDebianImage", databaseDebianImage),
  ),
  between(["databaseGeneration", "databaseRestoreFrom"], ({ databaseGeneration, databaseRestoreFrom }) =>
    databaseRestoreFrom >= databaseGeneration
      ? `databaseRestoreFrom is ${databaseRestoreFrom} and databaseGeneration is ${databaseGeneration}: a restore begins a new generation; raise databaseGeneration by one`
      : undefined,
  ),
  between(["databaseGeneration", "databaseRestoreTo"], ({ databaseGeneration, databaseRestoreTo }) =>
    databaseRestoreTo !== "" && databaseGeneration === 1
      ? `databaseRestoreTo is ${databaseRestoreTo} but databaseGeneration is 1: nothing is restored; raise databaseGeneration by one`
      : undefined,
  ),
  between(["databaseGeneration", "databaseWebGeneration"], (values) => {
    const { databaseGeneration: now, databaseWebGeneration: web } = values;
    return web === 1 || web > now
      ? `databaseWebGeneration is ${web} and databaseGeneration is ${now}: the database comes to the web region by a restore; raise databaseGeneration by one, and give both that number`
      : undefined;
  }),
  between(["domainName", "hostedZoneId"], ({ domainName, hostedZoneId }) =>
    domainName === "" && hostedZoneId !== ""
      ? `hostedZoneId is ${hostedZoneId} but domainName is not set: give the name that the zone is to get`
      : undefined,
  ),
  between(["domainName", "certificateArn"], ({ domainName, certificateArn }) =>
    domainName === "" && certificateArn !== ""
      ? `certificateArn is ${certificateArn} but domainName is not set: give the name that the certificate is for`
      : undefined,
  ),
  between(["domainName", "hostedZoneId", "certificateArn"], ({ domainName, hostedZoneId, certificateArn }) =>
    domainName !== "" && hostedZoneId === "" && certificateArn === ""
      ? `domainName is ${domainName} but neither hostedZoneId nor certificateArn is set: give the zone in which a certificate can be proved, or a certificate`
      : undefined,
  ),
  between(["domainName", "allowHttp"], ({ domainName, allowHttp }) => {
    if (domainName !== "" && allowHttp)
      return `allowHttp is true but domainName is ${domainName}: the service will speak HTTPS; remove one of them`;
    return domainName === "" && !allowHttp
      ? "domainName is not set: give it, with hostedZoneId or certificateArn, for HTTPS, or set allowHttp to true for a trial over plain HTTP"
      : undefined;
  }),
  between(["domainName", "legacyRoutes"], ({ domainName, legacyRoutes }) =>
    domainName !== "" && legacyRoutes
      ? `legacyRoutes is true but domainName is ${domainName}: passwords in the paths of a public name are kept by whatever logs requests on the way; remove one of them`
      : undefined,
  ),
  between(["sshPublicKey", "sshCidrs"], ({ sshPublicKey, sshCidrs }) => {
    if (sshPublicKey !== "" && sshCidrs.length === 0)
      return "sshPublicKey is set but sshCidrs is empty: name the networks that may reach port 22";
    return sshPublicKey === "" && sshCidrs.length > 0
      ? `sshCidrs is ${JSON.stringify(sshCidrs)} but sshPublicKey is not set: give the key, or remove the networks`
      : undefined;
  }),
];
