import * as pulumi from "@pulumi/pulumi";

/** Arguments of a {@link TearDownGuard}. */
export interface TearDownGuardArgs {
  /** Refuse to tear the stack down. */
  readonly protect: boolean;
  /** What it stands before: every component and provider of the stack. */
  readonly stack: readonly pulumi.Resource[];
}

/**
 * What a tear-down meets first. It depends on everything in the stack, so that it is the first to go in any deletion that takes
 * something of the stack with it, by itself; and as it is protected, the engine refuses, and then leaves alone whatever it
 * depends on. Otherwise the engine would delete all that no protected resource depends on, the fleet and the database host
 * among it, before it came to the first that is protected.
 *
 * It is always there, as taking it away would be refused as well. A component and not a resource, so that no change of what it
 * depends on ever replaces it. It costs nothing; `protect` changes in place.
 */
export class TearDownGuard extends pulumi.ComponentResource {
  constructor(name: string, args: TearDownGuardArgs) {
    super(
      "django-on-ec2:components:TearDownGuard",
      name,
      {},
      { protect: args.protect, dependsOn: [...args.stack] },
    );
    this.registerOutputs({});
  }
}
