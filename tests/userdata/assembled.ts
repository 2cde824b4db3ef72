import { type BootScript, bootVariables, type BootVariables } from "../../components/host/bootVariables";
import { assembleScript, renderBootScript } from "../../components/host/userData";
import { scriptOf } from "../../policy/userData";

/** Every boot script. */
export const scripts = Object.keys(bootVariables) as BootScript[];

/** A script with what its host fetches in the place where that is run. */
export const whole = (given: string, fetched: string | undefined): string =>
  fetched === undefined ? given : given.replace(/^source "\$fetched"$/m, () => fetched);

/** The script as the host runs it. The values are as long as real ones. */
export function assemble(script: BootScript): { userData: string; text: string } {
  const value = "arn:aws:secretsmanager:us-east-1:123456789012:secret:dev-db-owner-1234abc-AbCdEf";
  const values = Object.keys(bootVariables[script]).map((name) => [name, value]);
  const userData = renderBootScript(script, Object.fromEntries(values) as BootVariables<typeof script>);
  return { userData, text: whole(scriptOf(userData), assembleScript(script).fetched) };
}
