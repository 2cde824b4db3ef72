/** What every command works with. */
import type { Command } from "commander";
import { connect, type Service } from "./api";
import { Output } from "./output";
import { serviceUrl, type ServiceOptions } from "./service";

/** Options that every command has. */
export interface CommonOptions extends ServiceOptions {
  readonly json?: true;
}

/** A run of one command. */
export interface Context {
  readonly options: CommonOptions;
  /** For results. */
  readonly output: Output;
  /** The service that the options name. */
  readonly service: () => Promise<Service>;
}

/** An action of a command, which commander gives the command's arguments, its options and the command itself. */
export function action(act: (context: Context, options: never, ...args: never[]) => Promise<void>) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.pop() as Command;
    const own = given.pop() as never;
    const options = command.optsWithGlobals<CommonOptions>();
    const context = {
      options,
      output: new Output(process.stdout, options.json === true),
      service: async () => connect(await serviceUrl(options)),
    };
    await act(context, own, ...(given as never[]));
  };
}

/** Says that a list has more than was asked for. */
export function noteCut(limit: number): void {
  note(`There are more than ${limit}: --limit NUMBER shows more of them.`);
}

/** Says something beside the result, which programs do not read. */
export function note(text: string): void {
  new Output(process.stderr, false).line(text);
}
