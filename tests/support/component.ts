/** Runs one component alone, with a backend that makes nothing. */
import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { type ProgramResult, runProgram, type StackConfig } from "../../local/engine/program";
import { recorder } from "../../local/engine/recorder";

const stack: StackConfig = {
  project: "django-on-ec2",
  stack: "test",
  config: { "pulumi:disable-default-providers": '["aws"]' },
};

/** Tags that the provider of {@link evaluate} gives everything. */
export const defaultTags = { project: "django-on-ec2", stack: "test" };

/** A run of a few components that made nothing; `ofType`, `find` and `ancestors` of the recorder look into it. */
export interface Evaluation<T> extends ProgramResult {
  /** What the construction answered. */
  readonly made: T;
}

/**
 * Constructs components, waits until everything that they register is there, and answers it all. It rejects as `pulumi up`
 * would fail: with what a constructor throws, and with what is refused when a value becomes known.
 *
 * `make` is handed a provider of us-east-1 for the components' options; it makes those of other regions itself (see
 * {@link providerOf}). Without a provider in its options a component is refused, as in the program.
 */
export async function evaluate<T>(
  make: (provider: aws.Provider) => T,
  { preview = false }: { readonly preview?: boolean } = {},
): Promise<Evaluation<T>> {
  let made: { readonly value: T } | undefined;
  const result = await runProgram({
    stack,
    backend: recorder,
    preview,
    program: () => {
      made = { value: make(providerOf("us-east-1")) };
    },
  });
  if (!made) throw new Error("The program ended before it constructed anything.");
  return { ...result, made: made.value };
}

/** A provider for one region, with the default tags of the program. Only within {@link evaluate}. */
export function providerOf(region: string): aws.Provider {
  return new aws.Provider(region, { region, defaultTags: { tags: defaultTags } });
}

/** The value of a component's output, once the evaluation has ended. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve as (value: unknown) => void));
}
