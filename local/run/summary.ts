import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { regionFolder } from "../../client/localRegion";
import type { StackOutputs } from "../engine/program";
import { duration, shortType } from "../terminal/progress";
import type { FinishedStep } from "../terminal/progress";
import { forOtherTerminals } from "./environment";

/** Where the outputs of a running region are kept for other programs. */
export const outputsFile = (): string => join(__dirname, "..", "..", regionFolder(), "outputs.json");

/** Outputs as `pulumi stack output --json` shows them: secrets masked. */
export function outputsJson(outputs: StackOutputs): string {
  const shown = Object.entries(outputs).map(([name, { value, secret }]) => [
    name,
    secret ? "[secret]" : value,
  ]);
  return `${JSON.stringify(Object.fromEntries(shown), undefined, 2)}\n`;
}

/** Writes the outputs and, among them, the address of the AWS API that has the secrets which they name. */
export async function writeOutputs(
  outputs: StackOutputs,
  apiEndpoint: string,
  file = outputsFile(),
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, outputsJson({ ...outputs, awsEndpointUrl: { value: apiEndpoint, secret: false } }));
}

/** Outputs for people, as `pulumi up` ends with them. */
export function renderOutputs(outputs: StackOutputs): string {
  const names = Object.keys(outputs).sort();
  const width = Math.max(0, ...names.map((name) => name.length));
  return names
    .map((name) => {
      const output = outputs[name];
      const value = output?.secret ? "[secret]" : JSON.stringify(output?.value);
      return `  ${name.padEnd(width)} : ${value}`;
    })
    .join("\n");
}

/** Commands that show the running service at work. */
export function renderTrial(url: string, apiEndpoint: string): string {
  const client = "npm run -s client --";
  return [
    ...forOtherTerminals(),
    `  # The page: ${url}/ (login and password of the administrator: in the secret that adminSecretName names)`,
    `  ${client} signup ada`,
    `  ${client} tasks add "Water them"`,
    `  ${client} tasks list`,
    "",
    "  # As administrator:",
    `  ${client} admin signin`,
    `  ${client} fleet show`,
    "",
    `  URL=${url}`,
    "  curl -siw '\\n' $URL/livez",
    "",
    "  # Cut the power of the web host that answers next, and see it replaced:",
    "  pkill -KILL -f -- \"--machine=$(curl -s -o /dev/null -w '%header{x-instance-id}' $URL/livez) \"",
    "",
    "  # The region's AWS API, with any credentials:",
    `  export AWS_ENDPOINT_URL=${apiEndpoint}`,
  ].join("\n");
}

/** The slowest steps and the whole. */
export function renderTimes(steps: readonly FinishedStep[], seconds: number, count = 8): string {
  const slowest = [...steps].sort((a, b) => b.seconds - a.seconds).slice(0, count);
  const shown = slowest.filter((step) => step.seconds >= 0.5);
  const times = shown.map((step) => duration(step.seconds));
  const width = Math.max(0, ...times.map((time) => time.length));
  const lines = shown.map((step, index) =>
    `  ${(times[index] ?? "").padStart(width)}  ${step.name}${step.kind && `  ${step.kind}`}`.trimEnd(),
  );
  return [...lines, `  ${duration(seconds)} in all; steps ran side by side`].join("\n");
}

/** What stands in the program and has no effect here. */
export function renderInert(
  kinds: readonly { readonly title: string; readonly types: [string, number][] }[],
): string {
  return kinds
    .filter(({ types }) => types.length > 0)
    .map(({ title, types }) => {
      const total = types.reduce((sum, [, count]) => sum + count, 0);
      const list = types.map(([type, count]) =>
        count === 1 ? shortType(type) : `${shortType(type)} ×${count}`,
      );
      return `  ${title} (${total}): ${list.join(", ")}`;
    })
    .join("\n");
}
