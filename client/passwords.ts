/** Passwords: asked for without echo at a terminal, else the lines of standard input; never an argument, which others see. */
import { text as readAll } from "node:stream/consumers";
import { Failure } from "./failure";

/** The answers to the questions, in their order. */
export async function askPasswords(...questions: readonly string[]): Promise<string[]> {
  return process.stdin.isTTY ? prompted(questions) : piped(questions);
}

/** A password that is not in use yet, which at a terminal is typed twice. */
export async function askNewPassword(...before: readonly string[]): Promise<string[]> {
  if (!process.stdin.isTTY) return piped([...before, "New password"]);
  const answers = await prompted([...before, "New password", "The same again"]);
  const again = answers.pop();
  if (answers.at(-1) !== again)
    throw new Failure("invalid", "The two passwords differ; nothing was changed.");
  return answers;
}

async function prompted(questions: readonly string[]): Promise<string[]> {
  const { default: password } = await import("@inquirer/password");
  const answers: string[] = [];
  // Standard output is for results.
  for (const message of questions) answers.push(await password({ message }, { output: process.stderr }));
  return answers;
}

async function piped(questions: readonly string[]): Promise<string[]> {
  const lines = (await readAll(process.stdin)).replace(/\r?\n$/, "").split(/\r?\n/);
  if (lines.length === questions.length && lines.every((line) => line !== "")) return lines;
  const wanted = questions.map((question) => question.toLowerCase()).join(", ");
  throw new Failure(
    "invalid",
    `Standard input must be ${questions.length === 1 ? "one line" : `${questions.length} lines`}: ${wanted}.`,
  );
}
