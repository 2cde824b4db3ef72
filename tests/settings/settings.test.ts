import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import * as fc from "fast-check";
import { architectureOf, architectureOfInstance } from "../../components/host/debianImage";
import { loadStack, runProgram } from "../../local/engine/program";
import { readSettings } from "../../settings";
import { fields } from "../../settings/schema";
import { longestStackName } from "../../settings/stackName";

const project = "django-on-ec2";
const valid = { allowHttp: "true" };

/** Settings by plain key; a missing value stands for the default. */
function read(config: Readonly<Record<string, string>>, stack = "dev") {
  const named = Object.entries(config).map(([key, value]) => [`${project}:${key}`, value] as const);
  return readSettings(project, stack, { "aws:region": "eu-west-1", ...Object.fromEntries(named) });
}

/** The lines of the error that a configuration leads to. */
function problems(config: Readonly<Record<string, string>>, stack = "dev"): string[] {
  try {
    read(config, stack);
  } catch (error) {
    assert.ok(error instanceof pulumi.RunError, String(error));
    const [title, ...lines] = error.message.split("\n");
    assert.equal(title, `The configuration of stack ${stack} is wrong; nothing was changed.`);
    return lines;
  }
  return [];
}

const https = { domainName: "app.acme.co", hostedZoneId: "Z0123456789" };
const key = `ssh-ed25519 ${"A".repeat(68)} me@example.com`;
const certificate = `arn:aws:acm:us-east-1:123456789012:certificate/${"0".repeat(8)}-0000-0000-0000-${"0".repeat(12)}`;

/** One wrong setting of each kind: what is configured, and what the one line about it says. */
const wrong: { title: string; config: Record<string, string>; line: RegExp }[] = [
  {
    title: "an unknown key",
    config: { ...valid, webCdir: "10.1.0.0/16" },
    line: /webCdir is not a setting: write webCidr\.$/,
  },
  {
    title: "a key unlike any",
    config: { ...valid, colour: "red" },
    line: /colour is not a setting: remove it/,
  },
  {
    title: "an address that is none",
    config: { ...valid, alarmEmail: "ops" },
    line: /alarmEmail is ops: give one e-mail address, such as ops@acme.co\.$/,
  },
  {
    title: "two addresses",
    config: { ...valid, alarmEmail: "a@acme.co,b@acme.co" },
    line: /alarmEmail is a@acme.co,b@acme.co: give one e-mail address/,
  },
  { title: "no entrance", config: {}, line: /domainName is not set: .* or set allowHttp to true/ },
  {
    title: "text for a number",
    config: { ...valid, webMinSize: "two" },
    line: /webMinSize is two: give a whole number/,
  },
  {
    title: "a fraction",
    config: { ...valid, webMinSize: "2.5" },
    line: /webMinSize is 2.5: give a whole number/,
  },
  {
    title: "text for a switch",
    config: { ...valid, protect: "yes" },
    line: /protect is yes: give true or false/,
  },
  {
    title: "text for a list",
    config: { ...valid, webZones: "us-east-1a" },
    line: /webZones is us-east-1a: give a list/,
  },
  {
    title: "numbers in a list",
    config: { ...valid, allowedAccountIds: "[1]" },
    line: /allowedAccountIds is \[1\]: give a list/,
  },
  {
    title: "a parameter of PostgreSQL that keeps data",
    config: { ...valid, databaseParameters: '{"fsync":"off"}' },
    line: /databaseParameters is .*: fsync cannot be set; set one of max_connections, shared_buffers/,
  },
  {
    title: "a parameter of PostgreSQL with another unit",
    config: { ...valid, databaseParameters: '{"work_mem":"64 apples"}' },
    line: /databaseParameters is .*: work_mem: give a value such as 64MB/,
  },
  { title: "a list for a map", config: { ...valid, tags: '["a"]' }, line: /tags is \["a"\]: give a map/ },
  {
    title: "overlapping networks",
    config: { ...valid, databaseCidr: "10.10.0.0/16" },
    line: /webCidr is 10.10.0.0\/16 and databaseCidr is 10.10.0.0\/16: they overlap.*another \/16/,
  },
  {
    title: "a range off its start",
    config: { ...valid, webCidr: "10.10.1.0/16" },
    line: /webCidr is 10.10.1.0\/16: give a \/16/,
  },
  {
    title: "a range of another size",
    config: { ...valid, webCidr: "10.10.0.0/20" },
    line: /webCidr is .*: give a \/16/,
  },
  {
    title: "a public range",
    config: { ...valid, webCidr: "8.8.0.0/16" },
    line: /webCidr is 8.8.0.0\/16: give a private range/,
  },
  {
    title: "more hosts at least than at most",
    config: { ...valid, webMinSize: "5" },
    line: /webMinSize is 5 and webMaxSize is 4: lower the one or raise the other/,
  },
  { title: "no hosts", config: { ...valid, webMinSize: "0" }, line: /webMinSize is 0: give 1 to 30 hosts/ },
  {
    title: "one zone",
    config: { ...valid, webZones: '["us-east-1a"]' },
    line: /webZones is .*: name two zones at least/,
  },
  {
    title: "no zone",
    config: { ...valid, webZones: "[]" },
    line: /webZones is \[\]: name two zones at least/,
  },
  {
    title: "a zone twice",
    config: { ...valid, webZones: '["us-east-1a","us-east-1a"]' },
    line: /webZones is .*: us-east-1a is there twice/,
  },
  {
    title: "a zone of another region",
    config: { ...valid, webZones: '["us-east-1a","us-west-2b"]' },
    line: /webZones is .*: us-west-2b: give zones of us-east-1: us-east-1a, .*us-east-1f/,
  },
  {
    title: "a zone that does not exist",
    config: { ...valid, databaseZone: "us-east-2d" },
    line: /databaseZone is us-east-2d: give zones of us-east-2: us-east-2a, us-east-2b, us-east-2c/,
  },
  {
    title: "an unknown egress",
    config: { ...valid, egress: "nat" },
    line: /egress is nat: give public, singleNat or natPerAz/,
  },
  {
    title: "an image by pattern",
    config: { ...valid, debianImage: "debian-13-amd64-*" },
    line: /debianImage is .*exact name/,
  },
  {
    title: "no instance type",
    config: { ...valid, webInstanceType: "t3" },
    line: /webInstanceType is t3: give an EC2 instance type/,
  },
  {
    title: "a type of another architecture",
    config: { ...valid, databaseInstanceType: "t4g.small" },
    line: /databaseInstanceType is t4g.small: it cannot run debian-13-amd64-.*; give .*t3.small.* databaseDebianImage for arm64/,
  },
  {
    title: "an image of another architecture",
    config: { ...valid, debianImage: "debian-13-arm64-20260914-2601" },
    line: /webInstanceType is t3.micro: it cannot run debian-13-arm64.*t4g.small.* or a debianImage for amd64/,
  },
  {
    title: "a tiny volume",
    config: { ...valid, databaseVolumeGiB: "1" },
    line: /databaseVolumeGiB is 1: give 8 to 16384 GiB/,
  },
  {
    title: "a restore to no time",
    config: { ...valid, databaseGeneration: "2", databaseRestoreTo: "yesterday" },
    line: /databaseRestoreTo is yesterday: give a time with its offset, such as 2026-11-25 08:00:00\+00, or name:/,
  },
  {
    title: "a restore without a new generation",
    config: { ...valid, databaseRestoreTo: "name:before" },
    line: /databaseRestoreTo is name:before but databaseGeneration is 1: .* raise databaseGeneration by one/,
  },
  {
    title: "a restore over what is restored",
    config: { ...valid, databaseGeneration: "2", databaseRestoreFrom: "2" },
    line: /databaseRestoreFrom is 2 and databaseGeneration is 2: .* raise databaseGeneration by one/,
  },
  {
    title: "a database in the web region without a restore",
    config: { ...valid, databaseWebGeneration: "1" },
    line: /databaseWebGeneration is 1 and databaseGeneration is 1: .* raise databaseGeneration by one/,
  },
  {
    title: "a database in the web region that is still to come",
    config: { ...valid, databaseGeneration: "2", databaseWebGeneration: "3" },
    line: /databaseWebGeneration is 3 and databaseGeneration is 2: .* raise databaseGeneration by one/,
  },
  {
    title: "logs for an odd time",
    config: { ...valid, logRetentionDays: "10" },
    line: /logRetentionDays is 10: CloudWatch keeps/,
  },
  {
    title: "a short recovery",
    config: { ...valid, secretRecoveryDays: "3" },
    line: /secretRecoveryDays is 3: give 7 to 30 days, or 0/,
  },
  {
    title: "a processor load beyond all",
    config: { ...valid, cpuTargetPercent: "100" },
    line: /cpuTargetPercent is 100: give 10 to 90/,
  },
  {
    title: "no requests",
    config: { ...valid, requestsPerTarget: "0" },
    line: /requestsPerTarget is 0: give 1 to/,
  },
  {
    title: "an account with few digits",
    config: { ...valid, allowedAccountIds: '["12"]' },
    line: /allowedAccountIds is .*12 digits/,
  },
  {
    title: "a reserved tag",
    config: { ...valid, tags: '{"stack":"x"}' },
    line: /tags is .*stack is set by the program/,
  },
  {
    title: "a tag of AWS",
    config: { ...valid, tags: '{"aws:x":"x"}' },
    line: /tags is .*aws:x is set by the program or by AWS/,
  },
  {
    title: "a long tag",
    config: { ...valid, tags: JSON.stringify({ a: "b".repeat(257) }) },
    line: /tags is .*a is too long/,
  },
  {
    title: "half a domain",
    config: { domainName: "app.acme.co" },
    line: /domainName is app.acme.co but neither/,
  },
  {
    title: "a zone without a domain",
    config: { ...valid, hostedZoneId: "Z0123456789" },
    line: /hostedZoneId is Z0123456789 but domainName is not set/,
  },
  {
    title: "a certificate without a domain",
    config: { ...valid, certificateArn: certificate },
    line: /certificateArn is .* but domainName is not set/,
  },
  {
    title: "HTTP beside HTTPS",
    config: { ...valid, ...https },
    line: /allowHttp is true but domainName is app.acme.co/,
  },
  ...[
    "https://app.acme.co/",
    "https://APP.acme.co",
    "https://app.acme.co:443",
    "app.acme.co",
    "*",
    "ftp://a.co",
  ].map((origin) => ({
    title: `${origin} as an origin`,
    config: { ...valid, corsOrigins: JSON.stringify([origin]) },
    line: /corsOrigins is .*: give scheme, name and port only, in lower case, such as/,
  })),
  {
    title: "old routes under a public name",
    config: { ...https, legacyRoutes: "true" },
    line: /legacyRoutes is true but domainName is app.acme.co: passwords in the paths .* remove one of them/,
  },
  {
    title: "no full name",
    config: { ...https, domainName: "app" },
    line: /domainName is app: give a full name/,
  },
  {
    title: "a zone by name",
    config: { ...https, hostedZoneId: "example.com" },
    line: /hostedZoneId is example.com: give the id/,
  },
  {
    title: "an example for a name",
    config: { ...https, domainName: "service.example.com" },
    line: /domainName is service.example.com: that is an example that nobody can own; set the service's own name/,
  },
  {
    title: "an example for a zone",
    config: { ...https, hostedZoneId: "Z0123456789EXAMPLE00" },
    line: /hostedZoneId is Z0123456789EXAMPLE00: that is an example; set the id of your own zone/,
  },
  {
    title: "a rotation to nothing",
    config: { ...valid, appPasswordVersion: "0" },
    line: /appPasswordVersion is 0: give 1 to 9999\.$/,
  },
  {
    title: "a certificate of another region",
    config: { domainName: "app.acme.co", certificateArn: certificate.replace("us-east-1", "us-east-2") },
    line: /certificateArn is .*: give the ARN of a certificate of ACM in us-east-1/,
  },
  {
    title: "access for nobody",
    config: { ...valid, accessCidrs: "[]" },
    line: /accessCidrs is \[\]: name at least one network/,
  },
  {
    title: "a network twice",
    config: { ...valid, accessCidrs: '["192.0.2.0/24","192.0.2.0/24"]' },
    line: /accessCidrs is .*: 192.0.2.0\/24 is there twice; name it once/,
  },
  {
    title: "more networks than a security group takes",
    config: { ...valid, accessCidrs: JSON.stringify(Array.from({ length: 26 }, (_, i) => `10.${i}.0.0/16`)) },
    line: /accessCidrs is .*: name at most 25 networks/,
  },
  {
    title: "access from no network",
    config: { ...valid, accessCidrs: '["1.2.3.4"]' },
    line: /accessCidrs is .*1.2.3.4: give a range/,
  },
  {
    title: "no public key",
    config: { ...valid, sshPublicKey: "hello", sshCidrs: '["192.0.2.0/24"]' },
    line: /sshPublicKey is hello: give a public key/,
  },
  {
    title: "a key without networks",
    config: { ...valid, sshPublicKey: key },
    line: /sshPublicKey is set but sshCidrs is empty/,
  },
  ...Object.entries({
    "no sizes": "0 7 * * *",
    "no hour of the day": "0 25 * * * 2 4",
    "more at least": "0 7 * * * 4 2",
  }).map(([title, day]) => ({
    title: `a schedule with ${title}`,
    config: { ...valid, webSchedules: JSON.stringify({ day }) },
    line: /webSchedules is .*day: give minute, hour, day, month and weekday as of cron, then fewest and most hosts/,
  })),
  {
    title: "a schedule of an odd name",
    config: { ...valid, webSchedules: '{"a day":"0 7 * * * 2 4"}' },
    line: /webSchedules is .*a day: name it with letters/,
  },
  {
    title: "a schedule for more hosts than there may be",
    config: { ...valid, webSchedules: '{"day":"0 7 * * * 2 5"}' },
    line: /webSchedules has day: 0 7 \* \* \* 2 5 but webMaxSize is 4: /,
  },
  {
    title: "a place for a time zone",
    config: { ...valid, webScheduleZone: "Europe/Bielefeld" },
    line: /webScheduleZone is Europe\/Bielefeld: give a time zone of the IANA database/,
  },
  {
    title: "the same type as another one",
    config: { ...valid, webOtherInstanceTypes: '["t3.micro"]' },
    line: /webOtherInstanceTypes names t3.micro, which webInstanceType is already/,
  },
  {
    title: "another type that cannot run the image",
    config: { ...valid, webOtherInstanceTypes: '["t3a.micro","t4g.micro"]' },
    line: /webOtherInstanceTypes is t4g.micro: it cannot run debian-13-amd64/,
  },
  {
    title: "more Spot than all",
    config: { ...valid, webSpotPercent: "101" },
    line: /webSpotPercent is 101: give 0 to 100 percent/,
  },
  {
    title: "networks without a key",
    config: { ...valid, sshCidrs: '["192.0.2.0/24"]' },
    line: /sshCidrs is .* but sshPublicKey is not set/,
  },
  {
    title: "SSH for everybody",
    config: { ...valid, sshPublicKey: key, sshCidrs: '["0.0.0.0/0"]' },
    line: /sshCidrs is .*not everybody/,
  },
];
for (const { title, config, line } of wrong) {
  it(`${title} is one line of an error`, () => {
    const lines = problems(config);
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0]!, line);
  });
}

it("everything that is wrong is said at once", () => {
  const lines = problems({ webCidr: "x", webMinSize: "9", protect: "maybe", colour: "red" }, "Dev");
  assert.equal(lines.length, 6, lines.join("\n"));
  for (const line of lines) assert.match(line, /^ {2}- .+\.$/);
});

it("a default is checked against the values that stand", () => {
  assert.deepEqual(problems({ ...valid, webMaxSize: "1" }).length, 1);
});

const stackNames: [name: string, problem: RegExp | undefined][] = [
  ["dev", undefined],
  ["a".repeat(longestStackName), undefined],
  ["a".repeat(longestStackName + 1), /use at most 20 characters/],
  ["Dev", /lower-case/],
  ["my_stack", /lower-case/],
  ["dev-", /lower-case/],
  ["1dev", /lower-case/],
  ["internal-x", /AWS reserves names that start with internal-/],
  ["internal", /AWS reserves names that start with internal-/],
  ["internals", undefined],
  ["sg", /AWS reserves names that start with sg-/],
  ["ec2", /the zone ec2\.internal is Amazon's/],
  ["compute", /the zone compute\.internal is Amazon's/],
  ["compute-2", undefined],
];
for (const [name, problem] of stackNames) {
  it(`a stack named ${name} is ${problem ? "refused" : "taken"}`, () => {
    const lines = problems(valid, name);
    if (problem) assert.match(lines.join("\n"), problem);
    else assert.deepEqual(lines, []);
  });
}

it("a stack's name leaves room for the names that AWS limits", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z][a-z0-9-]{0,30}[a-z0-9]$/), (name) => {
      const taken = problems(valid, name).length === 0;
      // Autonaming adds a hyphen and seven digits.
      if (taken) assert.ok(`${name}-web-0123456`.length <= 32);
    }),
  );
});

it("defaults and derived values", () => {
  const settings = read({ ...valid, tags: '{"team":"web"}' });
  assert.equal(settings.webInstanceType, "t3.micro");
  assert.deepEqual(settings.webZones, ["us-east-1a", "us-east-1b"]);
  assert.equal(settings.domain, undefined);
  assert.equal(settings.ssh, undefined);
  assert.equal(settings.serviceKeyVersion, 1);
  assert.deepEqual(settings.tags, { team: "web", project, stack: "dev" });
  assert.deepEqual(read(https).domain, {
    name: "app.acme.co",
    hostedZoneId: "Z0123456789",
    certificateArn: undefined,
  });
  assert.deepEqual(read({ domainName: "app.acme.co", certificateArn: certificate }).domain, {
    name: "app.acme.co",
    hostedZoneId: undefined,
    certificateArn: certificate,
  });
  assert.deepEqual(read({ ...valid, sshPublicKey: key, sshCidrs: '["192.0.2.0/24"]' }).ssh, {
    publicKey: key,
    cidrBlocks: ["192.0.2.0/24"],
  });
});

describe("names that nobody can own", () => {
  for (const name of ["example.edu", "a.example", "a.b.test", "x.invalid", "app.localhost", "example.net"])
    it(`${name} is refused`, () =>
      assert.match(problems({ ...https, domainName: name }).join(), /that is an example/));
  for (const name of ["myexample.com", "example.com.au", "contest.org", "test.acme.co"])
    it(`${name} is taken`, () => assert.deepEqual(problems({ ...https, domainName: name }), []));
});

it("a default is right by itself", () => {
  for (const [name, field] of Object.entries(fields)) {
    const standard: unknown = field.parse(undefined);
    const text = typeof standard === "string" ? standard : JSON.stringify(standard);
    assert.deepEqual(field.parse(text), standard, name);
  }
});

it("schedules are in their time zone", () => {
  const config = {
    ...valid,
    webSchedules: '{"day":"0 7 * * MON-FRI 3 4"}',
    webScheduleZone: "Europe/Berlin",
  };
  assert.deepEqual(read(config).schedules, {
    day: { recurrence: "0 7 * * MON-FRI", timeZone: "Europe/Berlin", min: 3, max: 4 },
  });
});

it("a rule between settings waits until each is right by itself", () => {
  const lines = problems({ ...valid, webMinSize: "99", webMaxSize: "1" });
  assert.deepEqual(lines.length, 1, lines.join("\n"));
});

for (const stack of ["dev", "local"]) {
  it(`the stack ${stack} is valid`, () => {
    const { config } = loadStack(stack);
    assert.doesNotThrow(() => readSettings(project, stack, config));
    assert.equal(config["pulumi:disable-default-providers"], '["aws"]');
  });
}

it("the stack prod is refused with the examples that it is shipped with, and valid with values of one's own", () => {
  const shipped = loadStack("prod").config;
  const own = loadStack("prod", { overrides: https }).config;
  // Whoever has set values of their own in the file is not to be told that a test wants the examples back.
  const examples = Object.values(shipped).filter((value) => /example\.com$|EXAMPLE/.test(value));
  const refused = () => readSettings(project, "prod", shipped);
  if (examples.length > 0)
    assert.throws(refused, ({ message }: Error) => {
      assert.equal(message.match(/ is an example/g)?.length, examples.length, message);
      return true;
    });
  else assert.doesNotThrow(refused);
  assert.equal(readSettings(project, "prod", own).domain?.name, https.domainName);
  assert.equal(own["pulumi:disable-default-providers"], '["aws"]');
});

it("a wrong setting stops the program before it registers anything", async () => {
  const registered: string[] = [];
  const stack = loadStack("dev");
  await assert.rejects(
    runProgram({
      stack: { ...stack, config: { ...stack.config, [`${project}:webMinSize`]: "9" } },
      backend: { create: () => assert.fail("created"), invoke: () => assert.fail("looked up") },
      onRegister: ({ type }) => registered.push(type),
    }),
    (error: unknown) => error instanceof pulumi.RunError && /webMinSize is 9/.test(error.message),
  );
  assert.deepEqual(registered, ["pulumi:pulumi:Stack"]);
});

const architectures: [type: string, architecture: string][] = [
  ["t3.micro", "amd64"],
  ["m6i.large", "amd64"],
  ["g4dn.xlarge", "amd64"],
  ["u7i-12tb.224xlarge", "amd64"],
  ["t4g.small", "arm64"],
  ["c7gn.medium", "arm64"],
  ["im4gn.large", "arm64"],
  ["g5g.xlarge", "arm64"],
  ["a1.large", "arm64"],
];
for (const [type, architecture] of architectures) {
  it(`${type} is ${architecture}`, () => assert.equal(architectureOfInstance(type), architecture));
}

it("a Debian image names its architecture", () => {
  assert.equal(architectureOf("debian-13-arm64-20260914-2601"), "arm64");
  assert.equal(architectureOf("debian-12-amd64-20260914-2601"), undefined);
});

describe("the place of the database", () => {
  for (const [databaseGeneration, databaseWebGeneration, isInWebRegion, before] of [
    [1, 0, false, 0],
    [2, 0, false, 1],
    [2, 2, true, 0],
    [3, 2, false, 1],
    [4, 2, false, 3],
  ] as const)
    it(`of generation ${databaseGeneration} with ${databaseWebGeneration} in the web region`, () => {
      const { generation, databaseIsInWebRegion } = read({
        ...valid,
        databaseGeneration: String(databaseGeneration),
        databaseWebGeneration: String(databaseWebGeneration),
      });
      assert.equal(databaseIsInWebRegion, isInWebRegion);
      assert.deepEqual([generation.number, generation.before], [databaseGeneration, before]);
    });
});
