/** Which of a machine's local regions is meant, and where a checkout keeps what is told of it. */
import { Failure } from "./failure";

/** The environment variable with the number of a local region. */
export const regionVariable = "LOCAL_REGION";

/** The number of the local region that is meant; 0 unless the environment has another. Throws for what is no such number. */
export function regionNumber(env: NodeJS.ProcessEnv = process.env): number {
  const text = env[regionVariable] ?? "";
  if (text === "") return 0;
  if (!/^\d{1,2}$/.test(text))
    throw new Failure(
      "invalid",
      `${regionVariable} is "${text}". Give the number of a local region, 0 to 99, or leave it unset for 0.`,
    );
  return Number(text);
}

/** Folder of a checkout, relative to it, for what is told of a local region. */
export const regionFolder = (number = regionNumber()): string =>
  number === 0 ? ".local" : `.local/region-${number}`;
